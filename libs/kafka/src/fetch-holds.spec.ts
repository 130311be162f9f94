import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FetchHolds, type HoldLimits } from './fetch-holds.ts';

const never = new Promise<void>(() => undefined);

function open(limits: HoldLimits = {}) {
  const ending = new AbortController();
  const holds = new FetchHolds(limits, ending.signal);
  holds.fetchBegins();
  const over: string[] = [];
  const hold = (name: string, handled: Promise<void>): void => {
    void holds.until(handled).then(() => over.push(name));
  };
  const after = async (ms: number): Promise<string[]> => {
    await jest.advanceTimersByTimeAsync(ms);
    return over;
  };
  return { ending, holds, hold, after };
}

describe('what was fetched', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('holds up the next fetch until it is handled, well or not, and 50 ms at most', async () => {
    const { hold, after } = open();
    hold('handled', Promise.resolve());
    hold('failed', Promise.reject(new Error('planted')));
    hold('slow', never);
    expect(await after(0)).toEqual(['handled', 'failed']);
    expect(await after(49)).not.toContain('slow');
    expect(await after(1)).toContain('slow');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('holds it up for the least time, even when it is handled at once', async () => {
    const { hold, after } = open({ maxHoldMs: 10, fetchEveryMs: 100 });
    hold('handled', Promise.resolve());
    hold('slow', never);
    expect(await after(99)).toEqual([]);
    expect(await after(1)).toEqual(['handled', 'slow']);
  });

  it('holds up nothing when there is a backlog, whichever came first', async () => {
    const { holds, hold, after } = open({ fetchEveryMs: 100 });
    hold('before', never);
    holds.backlog();
    hold('after', never);
    expect(await after(0)).toEqual(['after', 'before']);
    holds.fetchBegins();
    hold('of the next fetch', never);
    expect(await after(99)).not.toContain('of the next fetch');
  });

  it('goes on being held when the next fetch has a backlog', async () => {
    const { holds, hold, after } = open();
    hold('of the first', never);
    holds.fetchBegins();
    holds.backlog();
    expect(await after(0)).toEqual([]);
    expect(await after(50)).toEqual(['of the first']);
  });

  it('holds up nobody who leaves', async () => {
    const { ending, holds, hold, after } = open();
    hold('of the first', never);
    holds.fetchBegins();
    hold('of the second', never);
    ending.abort();
    hold('too late', never);
    expect(new Set(await after(0))).toEqual(new Set(['of the first', 'of the second', 'too late']));
    expect(jest.getTimerCount()).toBe(0);
  });
});
