import { setTimeout as sleep } from 'node:timers/promises';
import { countedMonths } from './adapters/postgres/counted-months.ts';
import { heldMonths } from './adapters/redis/held-months.ts';
import { DriftSampler } from './pipeline/sample-drift.ts';
import type { AdmissionParts } from './wire-admission.ts';

const SAMPLE_MS = 60_000;

/** Compares Redis with the ledger once a minute, a few organisations at a time, and shows what differs. Returns what ends it. */
export function keepDriftSampled({
  database,
  redis,
  clock,
  metrics,
  logger,
}: AdmissionParts): () => Promise<void> {
  const gauge = metrics.gauge(
    'drift_events',
    'Events by which Redis and the ledger differ, over the organisations that were compared last. Zero is the only good value.',
  );
  gauge.set(0);
  const sampler = new DriftSampler({
    counted: countedMonths(database),
    held: heldMonths(redis),
    clock,
    pause: (ms) => sleep(ms),
  });
  const ended = new AbortController();
  const { signal } = ended;
  const sampling = (async () => {
    while (!signal.aborted) {
      await sleep(SAMPLE_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      await sampler.sample().then(
        ({ events, organizationIds }) => {
          gauge.set(events);
          if (events > 0) logger.error({ events, organizationIds }, 'Redis and the ledger differ');
        },
        (err: unknown) => logger.warn({ err }, 'Redis and the ledger could not be compared'),
      );
    }
  })();
  return async () => {
    ended.abort();
    await sampling;
  };
}
