import { factsKeptFrom } from '../domain/retention.ts';
import type { FactSweep } from '../ports.ts';

/** Removes what is past keeping, page by page, until nothing of it is left or somebody wants to stop. Gives how many rows went. */
export async function sweepFacts(
  sweep: FactSweep,
  nowMs: number,
  isStopped: () => boolean = () => false,
): Promise<number> {
  const beforeMs = factsKeptFrom(nowMs);
  let removed = 0;
  while (!isStopped()) {
    const some = await sweep.removeSome(beforeMs);
    if (some === 0) break;
    removed += some;
  }
  return removed;
}
