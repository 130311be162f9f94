import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaConnection } from '@trackline/kafka';

export interface DrainSettings<Look> {
  /** In which the verdicts come, without prefix. */
  readonly topics: readonly string[];
  readonly expected: number;
  /** What comes before this share of all is not measured. */
  readonly warmShare: number;
  /** Taken when the measuring begins and when it ends. */
  look(): Look;
  isAlive(): boolean;
}

export interface Drained<Look> {
  readonly eventsPerSecond: number;
  readonly looks: { readonly warm: Look; readonly end: Look };
}

const LOOK_EVERY_MS = 50;
/** Without one more verdict for so long, nothing will come any more. */
const STALLED_MS = 60_000;

/** Watches the ends of topics until all that is expected has come, and tells how fast it came. */
export async function drain<Look>(
  kafka: KafkaConnection,
  { topics, expected, warmShare, look, isAlive }: DrainSettings<Look>,
): Promise<Drained<Look>> {
  const admin = kafka.newClient().admin();
  await admin.connect();
  try {
    const count = async () => {
      const ends = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(kafka.withPrefix(topic))));
      return ends.flat().reduce((sum, { high }) => sum + Number(high), 0);
    };
    let warm: { atMs: number; seen: number; look: Look } | undefined;
    let last = { atMs: performance.now(), seen: 0 };
    for (;;) {
      const seen = await count();
      const atMs = performance.now();
      if (warm === undefined && seen >= expected * warmShare) warm = { atMs, seen, look: look() };
      if (seen >= expected) {
        if (warm!.seen === seen) throw new Error('All was done at the first look: use more events.');
        const eventsPerSecond = ((seen - warm!.seen) / (atMs - warm!.atMs)) * 1_000;
        return { eventsPerSecond, looks: { warm: warm!.look, end: look() } };
      }
      if (seen > last.seen) last = { atMs, seen };
      if (atMs - last.atMs > STALLED_MS || !isAlive())
        throw new Error(`${seen} of ${expected} verdicts came; see .trackline/bench-logs.`);
      await sleep(LOOK_EVERY_MS);
    }
  } finally {
    await admin.disconnect();
  }
}
