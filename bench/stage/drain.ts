import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { beginCost, type CostMeter, type RoundCost } from '../measure/cost.ts';
import type { WatchedProcess } from '../measure/cpu.ts';

export interface DrainSettings {
  /** How many events are through. */
  count(): Promise<number>;
  readonly expected: number;
  /** What comes before this share of all is not measured. */
  readonly warmShare: number;
  /** Whose cost is told. */
  readonly watched: readonly WatchedProcess[];
  isAlive(): boolean;
}

export interface Drained {
  readonly eventsPerSecond: number;
  /** For how long that was measured: where it is little, it says little. */
  readonly measuredSeconds: number;
  readonly cost: RoundCost;
}

/** Looking costs some, too: a few milliseconds of everybody. */
const LOOK_EVERY_MS = 100;
/** Without one more event for so long, nothing will come any more. */
const STALLED_MS = 60_000;

/** Watches until everything that is expected is through, and tells how fast it went and what it cost. */
export async function drain(settings: DrainSettings): Promise<Drained> {
  const { count, expected, warmShare, watched, isAlive } = settings;
  let warm: { readonly atMs: number; readonly seen: number; readonly costOf: CostMeter } | undefined;
  let last = { atMs: performance.now(), seen: 0 };
  for (;;) {
    const seen = await count();
    const atMs = performance.now();
    if (warm === undefined && seen >= expected * warmShare)
      warm = { atMs, seen, costOf: await beginCost(watched) };
    if (seen >= expected) {
      const events = seen - warm!.seen;
      if (events === 0) throw new Error('All was done at the first look: use more events.');
      const measuredSeconds = (atMs - warm!.atMs) / 1_000;
      return {
        eventsPerSecond: events / measuredSeconds,
        measuredSeconds,
        cost: await warm!.costOf(events),
      };
    }
    if (seen > last.seen) last = { atMs, seen };
    if (atMs - last.atMs > STALLED_MS || !isAlive())
      throw new Error(`${seen} of ${expected} events came through; see .trackline/bench-logs.`);
    await sleep(LOOK_EVERY_MS);
  }
}
