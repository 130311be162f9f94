import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * An open loop: so many a second, whether or not the one before has been answered. `once` gets the moment at which it was meant to begin
 * (`performance.now()`): who counts from there counts what had to wait, too. Resolves when all have.
 */
export async function paced<Result>(
  count: number,
  perSecond: number,
  once: (index: number, meantAtMs: number) => Promise<Result>,
): Promise<Result[]> {
  const beginsAtMs = performance.now() + 10;
  const begun: Promise<Result>[] = [];
  for (let index = 0; index < count;) {
    const nowMs = performance.now();
    for (; index < count; index += 1) {
      const meantAtMs = beginsAtMs + (index / perSecond) * 1_000;
      if (meantAtMs > nowMs) break;
      begun.push(once(index, meantAtMs));
    }
    await sleep(1);
  }
  return Promise.all(begun);
}
