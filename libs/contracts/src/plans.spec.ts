import { describe, expect, it } from '@jest/globals';
import { burstOf, hardCapOf, percentOf, PLANS } from './plans.ts';

describe('plans', () => {
  it.each([
    ['starter', 50_000, 62_500],
    ['growth', 250_000, 312_500],
    ['scale', 1_000_000, 1_250_000],
    ['enterprise', null, null],
  ] as const)('%s has a limit of %s and a hard cap of %s', (plan, limit, cap) => {
    expect(PLANS[plan].monthlyLimit).toBe(limit);
    expect(hardCapOf(limit)).toBe(cap);
  });

  it('rounds the cap of a custom limit down', () => {
    expect(hardCapOf(3)).toBe(3);
    expect(hardCapOf(7)).toBe(8);
    expect(hardCapOf(0)).toBe(0);
  });

  it('never says that a threshold is reached before it is', () => {
    expect(percentOf(49_999, 50_000)).toBe(99.99);
    expect(percentOf(50_000, 50_000)).toBe(100);
    expect(percentOf(1, null)).toBe(0);
  });

  it('gives a custom rate the burst of a quarter minute', () => {
    expect(burstOf(PLANS.starter.requestsPerMinute)).toBe(PLANS.starter.requestBurst);
    expect(burstOf(PLANS.growth.requestsPerMinute)).toBe(PLANS.growth.requestBurst);
    expect(burstOf(PLANS.scale.requestsPerMinute)).toBe(PLANS.scale.requestBurst);
    expect(burstOf(null)).toBeNull();
  });
});
