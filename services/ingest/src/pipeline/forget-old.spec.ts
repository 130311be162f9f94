import { describe, expect, it } from '@jest/globals';
import { forgetOld } from './forget-old.ts';

describe('what is old', () => {
  it('is forgotten in portions until none is left, round after round, and a fault ends nothing', async () => {
    const stopping = new AbortController();
    const rounds: (number | Error)[] = [5_000, 12, new Error('away'), 0];
    const faults: string[] = [];
    const limits: number[] = [];
    await forgetOld(
      {
        keptMs: 1_000,
        portion: 5_000,
        forget: async (_ageMs, limit) => {
          limits.push(limit);
          const round = rounds.shift()!;
          if (rounds.length === 0) stopping.abort();
          if (round instanceof Error) throw round;
          return round;
        },
        onFault: (error) => faults.push((error as Error).message),
        everyMs: 1,
        pause: async () => undefined,
      },
      stopping.signal,
    );
    expect([limits.length, faults]).toEqual([4, ['away']]);
  });
});
