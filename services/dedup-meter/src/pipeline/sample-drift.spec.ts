import { describe, expect, it } from '@jest/globals';
import { DriftSampler, ORGANIZATIONS_PER_ROUND } from './sample-drift.ts';

const idOf = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

function rig(organizations: number) {
  const ledger = new Map<string, number>();
  const redis = new Map<string, number>();
  for (let number = 1; number <= organizations; number++) {
    ledger.set(idOf(number), number);
    redis.set(idOf(number), number);
  }
  const asked: number[] = [];
  let nowMs = Date.UTC(2026, 10, 20);
  let onPause = (): unknown => undefined;
  const sampler = new DriftSampler({
    counted: {
      epoch: async () => 1,
      seeded: async (_month, after, limit) =>
        [...ledger.keys()]
          .sort()
          .filter((id) => id > after)
          .slice(0, limit),
      used: async (_month, ids) => new Map(ids.map((id) => [id, ledger.get(id)!])),
    },
    held: {
      totals: async (_month, ids) => {
        asked.push(ids.length);
        return new Map(ids.filter((id) => redis.has(id)).map((id) => [id, redis.get(id)!]));
      },
    },
    clock: { now: () => nowMs },
    pause: async () => onPause(),
  });
  return {
    ...{ sampler, ledger, redis, asked },
    whilePausing: (work: () => unknown) => (onPause = work),
    nextMonth: () => (nowMs = Date.UTC(2026, 11, 1)),
  };
}

describe('a sample of drift', () => {
  it('is zero when Redis and the ledger agree, and where Redis holds nothing', async () => {
    const { sampler, redis } = rig(5);
    redis.delete(idOf(2));
    expect(await sampler.sample()).toEqual({ events: 0, organizationIds: [] });
  });

  it('adds up what differs, in either direction, until it does no more', async () => {
    const { sampler, redis } = rig(5);
    redis.set(idOf(2), 5).set(idOf(4), 3);
    expect(await sampler.sample()).toEqual({ events: 4, organizationIds: [idOf(2), idOf(4)] });
    redis.set(idOf(2), 2);
    expect((await sampler.sample()).events).toBe(1);
  });

  it('is not troubled by what is on its way to the ledger', async () => {
    const { sampler, ledger, redis, whilePausing } = rig(3);
    redis.set(idOf(1), 11);
    whilePausing(() => ledger.set(idOf(1), 11));
    expect((await sampler.sample()).events).toBe(0);
  });

  it('goes round, so many at a time, and does not lose sight of what differed', async () => {
    const { sampler, redis, asked } = rig(ORGANIZATIONS_PER_ROUND * 2 + 10);
    redis.set(idOf(1), 2);
    expect((await sampler.sample()).events).toBe(1);
    asked.length = 0;
    expect((await sampler.sample()).events).toBe(1);
    expect(asked[0]).toBe(ORGANIZATIONS_PER_ROUND + 1);
    expect((await sampler.sample()).events).toBe(1);
    redis.set(idOf(ORGANIZATIONS_PER_ROUND * 2 + 10), 0);
    expect((await sampler.sample()).events).toBe(1);
    await sampler.sample();
    expect((await sampler.sample()).events).toBe(1 + ORGANIZATIONS_PER_ROUND * 2 + 10);
  });

  it('begins anew with the month', async () => {
    const { sampler, redis, nextMonth } = rig(1);
    redis.set(idOf(1), 3);
    expect((await sampler.sample()).events).toBe(2);
    redis.delete(idOf(1));
    nextMonth();
    expect((await sampler.sample()).events).toBe(0);
  });
});
