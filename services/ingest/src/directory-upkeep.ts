import { setTimeout as sleep } from 'node:timers/promises';
import type { Directory } from '@trackline/directory';
import type { Publisher } from '@trackline/kafka';
import type { Logger, Metrics } from '@trackline/observability';
import { publishContactChanges } from './adapters/kafka/contact-changes.ts';
import type { BackgroundWork } from './background-work.ts';
import type { IngestConfig } from './config.ts';
import { drainContactChanges } from './pipeline/drain-contact-changes.ts';
import { forgetOld } from './pipeline/forget-old.ts';

const HOUR_MS = 3_600_000;
/** Longer than a dead letter is kept: until then an event can come again, and with it what it did to a contact. */
const CAUSES_KEPT_MS = 35 * 24 * HOUR_MS;
const CAUSES_AT_ONCE = 5_000;

export interface DirectoryUpkeepSettings {
  readonly config: Pick<IngestConfig, 'contactPartitions' | 'contactChangesPollMs'>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly connections: { readonly directory: Directory; readonly publisher: Publisher };
}

/** What the directory needs beside the requests: its changes go out, old causes are forgotten. Gives what wakes the first. */
export function runDirectoryUpkeep(
  { config, logger, metrics, connections: { directory, publisher } }: DirectoryUpkeepSettings,
  background: BackgroundWork,
): () => void {
  const published = metrics.counter(
    'contact_changes_published_total',
    'Changes of contacts brought to the topic.',
  );
  let wakeDrain: () => void = () => undefined;
  background.run('contact changes', (signal) =>
    drainContactChanges(
      {
        drainOutbox: (limit, publish) => directory.drainOutbox(limit, publish),
        publish: publishContactChanges(publisher, config.contactPartitions),
        onDrained: (count) => published.inc(count),
        onFault: (err) =>
          logger.warn({ err }, 'changes of contacts were not published; they stay where they are'),
        idleMs: config.contactChangesPollMs,
        onIdle: (wake) => (wakeDrain = wake),
      },
      signal,
    ),
  );
  background.run('old causes', (signal) =>
    forgetOld(
      {
        forget: (ageMs, limit) => directory.purgeCauses(ageMs, limit),
        keptMs: CAUSES_KEPT_MS,
        portion: CAUSES_AT_ONCE,
        onFault: (err) => logger.warn({ err }, 'old causes were not forgotten; the next round does it'),
        everyMs: HOUR_MS,
        pause: (ms, until) => sleep(ms, undefined, { signal: until }).catch(() => undefined),
      },
      signal,
    ),
  );
  return () => wakeDrain();
}
