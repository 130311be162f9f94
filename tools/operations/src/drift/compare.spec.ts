import { describe, expect, it } from '@jest/globals';
import { agree, compare, isLate, isZero, type Look } from './compare.ts';
import { parseDriftOptions } from './drift-options.ts';
import { daysOf } from './month.ts';
import { toCount } from './redis-months.ts';

const look = (more: Partial<Look> = {}): Look => ({
  organizationId: 'org',
  ledgerBefore: 10,
  ledgerAfter: 12,
  redis: { total: 11, shares: 11 },
  timeline: 10,
  ...more,
});

describe('a look at an organisation’s month', () => {
  it('finds nothing when both lie between the two readings of the ledger', () => {
    expect(isZero(compare(look()))).toBe(true);
    expect(isZero(compare(look({ redis: { total: 12, shares: 12 }, timeline: 12 })))).toBe(true);
  });

  it('finds how far each lies outside', () => {
    expect(compare(look({ redis: { total: 15, shares: 15 }, timeline: 7 }))).toMatchObject({
      redisDifference: 3,
      timelineDifference: -3,
    });
    expect(compare(look({ redis: { total: 8, shares: 8 }, timeline: 13 }))).toMatchObject({
      redisDifference: -2,
      timelineDifference: 1,
    });
  });

  it('finds a total that is not the sum of its shares, also where it agrees with the ledger', () => {
    expect(compare(look({ redis: { total: 11, shares: 9 } })).redisDifference).toBe(2);
  });

  it('finds nothing in what Redis does not hold', () => {
    expect(compare(look({ redis: undefined }))).toMatchObject({ redis: null, redisDifference: 0 });
  });
});

describe('several looks', () => {
  it('find only what each of them saw', () => {
    const passing = compare(look({ redis: { total: 20, shares: 20 }, timeline: 9 }));
    const lasting = compare(look({ timeline: 9 }));
    expect(agree(passing, lasting)).toMatchObject({ redisDifference: 0, timelineDifference: -1 });
    expect(agree(lasting, passing)).toMatchObject({ redisDifference: 0, timelineDifference: -1 });
  });
});

describe('a timeline', () => {
  it('is late when it has that much to read still, and wrong when it has not, or has too much', () => {
    const lacks = compare(look({ timeline: 5 }));
    expect(isLate(lacks, 5)).toBe(true);
    expect(isLate(lacks, 4)).toBe(false);
    expect(isLate(compare(look({ timeline: 20 })), 100)).toBe(false);
  });
});

describe('what Redis holds', () => {
  const fields = [
    'epoch',
    '3',
    'replid',
    'ab',
    'total',
    '7',
    's:1',
    '4',
    't:1',
    '1 2',
    's:2',
    '3',
    'plan',
    '1',
  ];

  it('counts under the present epoch and server only', () => {
    expect(toCount(fields, 'ab', 3)).toEqual({ total: 7, shares: 7 });
    expect(toCount(fields, 'ab', 4)).toBeUndefined();
    expect(toCount(fields, 'cd', 3)).toBeUndefined();
    expect(toCount([], 'ab', 3)).toBeUndefined();
  });
});

describe('the options of drift', () => {
  it('take the present month, UTC, when none is given', () => {
    expect(parseDriftOptions([], Date.UTC(2026, 11, 31, 23, 59))?.scope).toEqual({ month: '2026-12' });
    expect(daysOf('2026-12')).toEqual({ first: '2026-12-01', next: '2027-01-01' });
  });

  it('say what would be right', () => {
    expect(() => parseDriftOptions(['--month', '2026-13'], 0)).toThrow(/like this: 2026-11/);
    expect(() => parseDriftOptions(['--organization', 'acme'], Date.UTC(2026, 1))).toThrow(
      /id of an organisation/,
    );
    expect(() => parseDriftOptions(['--fix'], 0)).toThrow(/npm run drift/);
    expect(parseDriftOptions(['-h'], 0)).toBeUndefined();
  });
});
