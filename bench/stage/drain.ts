import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { beginCost, type CostMeter, type RoundCost } from '../measure/cost.ts';
import type { WatchedProcess } from '../measure/cpu.ts';

/** How many events the first of a chain has behind it, and how many are through all of it. */
export interface Progress {
  readonly first: number;
  readonly last: number;
}

/** Of one that stands alone. */
export const alike = (count: number): Progress => ({ first: count, last: count });

export interface DrainSettings {
  progress(): Promise<Progress>;
  readonly expected: number;
  /** What the first has done before this share of all is not measured: of what is, the whole way is. */
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
  const { progress, expected, warmShare, watched, isAlive } = settings;
  let warm: { readonly atMs: number; readonly events: number; readonly costOf: CostMeter } | undefined;
  let last = { atMs: performance.now(), seen: 0 };
  for (;;) {
    const { first, last: seen } = await progress();
    const atMs = performance.now();
    if (warm === undefined && first >= expected * warmShare)
      warm = { atMs, events: Math.max(0, expected - first), costOf: await beginCost(watched) };
    if (warm !== undefined && seen >= expected) {
      const { events } = warm;
      if (events === 0) throw new Error('All was done at the first look: use more events.');
      const measuredSeconds = (atMs - warm.atMs) / 1_000;
      return {
        eventsPerSecond: events / measuredSeconds,
        measuredSeconds,
        cost: await warm.costOf(events),
      };
    }
    if (seen > last.seen) last = { atMs, seen };
    if (atMs - last.atMs > STALLED_MS || !isAlive())
      throw new Error(`${seen} of ${expected} events came through; see .trackline/bench-logs.`);
    await sleep(LOOK_EVERY_MS);
  }
}
