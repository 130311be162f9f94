import { describe, expect, it } from '@jest/globals';
import {
  isExpired,
  isSaneTime,
  keepsFrom,
  monthOfPartition,
  monthsToMake,
  partitionName,
} from './retention.ts';

const utc = (text: string) => Date.parse(text);
const nowMs = utc('2026-11-20T10:00:00Z');

describe('retention', () => {
  it('makes the months of 24 months back and two ahead for events, few for the rest', () => {
    const months = monthsToMake('event', nowMs);
    expect([months[0], months.at(-1), months.length]).toEqual([utc('2024-11-01'), utc('2027-01-01'), 27]);
    expect(monthsToMake('refusal', nowMs)).toEqual(
      ['2026-10-01', '2026-11-01', '2026-12-01', '2027-01-01'].map(utc),
    );
  });

  it('drops a month when the youngest row that it can hold is 24 months old, not a moment before', () => {
    const month = utc('2024-11-01');
    expect(isExpired('event', month, utc('2026-11-30T23:59:59.999Z'))).toBe(false);
    expect(isExpired('event', month, utc('2026-12-01'))).toBe(true);
    expect(isExpired('refusal', utc('2026-10-01'), utc('2026-11-30T23:59:59.999Z'))).toBe(false);
    expect(isExpired('refusal', utc('2026-10-01'), utc('2026-12-01'))).toBe(true);
  });

  it('never drops a month that it makes', () => {
    for (const table of ['event', 'refusal', 'execution_effect'] as const) {
      for (let day = 0; day < 800; day += 1) {
        const atMs = nowMs + day * 86_400_000;
        expect(monthsToMake(table, atMs).filter((month) => isExpired(table, month, atMs))).toEqual([]);
      }
    }
  });

  it('holds every event that the doors let in, and no nonsense', () => {
    expect(isSaneTime(keepsFrom('event', nowMs), nowMs)).toBe(true);
    expect(isSaneTime(nowMs + 5 * 60_000, nowMs)).toBe(true);
    expect(isSaneTime(utc('2023-11-01'), nowMs)).toBe(true);
    for (const ms of [utc('2023-10-31'), utc('2027-02-01'), 0, Number.NaN]) {
      expect(isSaneTime(ms, nowMs)).toBe(false);
    }
  });

  it('reads the month off a partition’s name, of its own table only', () => {
    expect(partitionName('event', nowMs)).toBe('event_2026_11');
    expect(monthOfPartition('event', 'event_2026_11')).toBe(utc('2026-11-01'));
    expect(monthOfPartition('event', 'refusal_2026_11')).toBeUndefined();
    expect(monthOfPartition('event', 'event')).toBeUndefined();
    expect(monthOfPartition('execution_effect', 'execution_effect_2026_01')).toBe(utc('2026-01-01'));
  });
});
