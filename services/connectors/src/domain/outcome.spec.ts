import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { backoffMs, decideNext, type RetryPolicy } from './outcome.ts';

const policy: RetryPolicy = {
  maxAttempts: 16,
  maxAgeMs: 86_400_000,
  firstDelayMs: 5_000,
  maxDelayMs: 14_400_000,
};
const notNow = { kind: 'not_now', reason: 'status', detail: { status: 503 } } as const;

describe('the time until the next attempt', () => {
  it.each([
    [1, 5_000],
    [2, 10_000],
    [5, 80_000],
    [12, 10_240_000],
    [13, 14_400_000],
    [1_000, 14_400_000],
  ])('after attempt %i is below %i ms', (attempts, bound) => {
    expect(backoffMs(attempts, policy, 0)).toBe(0);
    expect(backoffMs(attempts, policy, 0.5)).toBe(bound / 2);
    expect(backoffMs(attempts, policy, 0.999999)).toBeLessThanOrEqual(bound);
  });

  it('is never sooner than the destination asks, and never negative', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 15 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        fc.integer({ min: 0, max: 3_600_000 }),
        (attempts, random, afterMs) => {
          const next = decideNext({ ...notNow, afterMs }, { attempts, ageMs: 0 }, policy, random);
          expect(next).toMatchObject({ kind: 'again' });
          expect((next as { inMs: number }).inMs).toBeGreaterThanOrEqual(afterMs);
        },
      ),
    );
  });
});

describe('after an attempt', () => {
  it('what was delivered has ended, with the name that the destination gave it', () => {
    const outcome = { kind: 'delivered', providerMessageId: 'wamid.1', detail: { status: 200 } } as const;
    expect(decideNext(outcome, { attempts: 3, ageMs: 0 }, policy, 0)).toEqual({
      kind: 'ended',
      status: 'delivered',
      providerMessageId: 'wamid.1',
      detail: { status: 200 },
    });
  });

  it('what was shown in the log has ended', () => {
    expect(decideNext({ kind: 'logged', detail: {} }, { attempts: 1, ageMs: 0 }, policy, 0)).toEqual({
      kind: 'ended',
      status: 'logged',
      detail: {},
    });
  });

  it('what can never go well is given up at once', () => {
    const outcome = { kind: 'never', reason: 'address_refused', detail: { host: 'x' } } as const;
    expect(decideNext(outcome, { attempts: 1, ageMs: 0 }, policy, 0.5)).toEqual({
      kind: 'given_up',
      reason: 'address_refused',
      detail: { reason: 'address_refused', host: 'x' },
    });
  });

  it.each([
    [{ attempts: 16, ageMs: 1_000 }, '16 attempts'],
    [{ attempts: 2, ageMs: 86_399_999 }, '86400 seconds'],
  ])('%j: the rest is given up', (at, gaveUpAfter) => {
    expect(decideNext(notNow, at, policy, 0.9)).toMatchObject({
      kind: 'given_up',
      reason: 'gave_up',
      detail: { reason: 'status', status: 503, gaveUpAfter },
    });
  });

  it('a destination that asks for more than the longest delay is asked again after that', () => {
    const outcome = { ...notNow, afterMs: 90_000_000 };
    expect(decideNext(outcome, { attempts: 1, ageMs: 0 }, policy, 0)).toMatchObject({
      kind: 'again',
      inMs: policy.maxDelayMs,
    });
  });

  it('a destination that asks for more time than is left is given up', () => {
    const outcome = { ...notNow, afterMs: 3_600_000 };
    const at = { attempts: 3, ageMs: policy.maxAgeMs - 3_599_999 };
    expect(decideNext(outcome, at, policy, 0)).toMatchObject({ kind: 'given_up' });
  });
});
