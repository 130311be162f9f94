import { describe, expect, it } from '@jest/globals';
import { Bypass } from './bypass.ts';

describe('the way around Redis', () => {
  it('is taken after a failure, for a second, without trying', async () => {
    let now = 0;
    const passed: string[] = [];
    const bypass = new Bypass({ clock: { now: () => now }, onBypass: (use) => passed.push(use) });
    let tries = 0;
    const failing = () => {
      tries += 1;
      return Promise.reject(new Error('away'));
    };
    expect(await bypass.attempt('rate', async () => 1)).toBe(1);
    expect(await bypass.attempt('rate', failing)).toBeUndefined();
    now = 999;
    expect(await bypass.attempt('claim', failing)).toBeUndefined();
    expect(tries).toBe(1);
    now = 1_000;
    expect(await bypass.attempt('rate', async () => 2)).toBe(2);
    expect(passed).toEqual(['rate', 'claim']);
  });
});
