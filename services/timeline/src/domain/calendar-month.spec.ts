import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addMonths, monthsBefore, monthsBetween, monthStart } from './calendar-month.ts';

const utc = (text: string) => Date.parse(text);
const moments = fc.integer({ min: utc('2000-01-01'), max: utc('2100-01-01') });

describe('months', () => {
  it('begin at their first moment in UTC', () => {
    expect(monthStart(utc('2026-11-30T23:59:59.999Z'))).toBe(utc('2026-11-01'));
    expect(monthStart(utc('2026-11-01'))).toBe(utc('2026-11-01'));
    expect(addMonths(utc('2026-11-20'), 2)).toBe(utc('2027-01-01'));
    expect(addMonths(utc('2026-01-31'), -1)).toBe(utc('2025-12-01'));
  });

  it('before: the same day and time, or the last day that the month has', () => {
    expect(monthsBefore(utc('2026-11-20T10:00:00Z'), 24)).toBe(utc('2024-11-20T10:00:00Z'));
    expect(monthsBefore(utc('2026-03-31T10:00:00Z'), 1)).toBe(utc('2026-02-28T10:00:00Z'));
    expect(monthsBefore(utc('2024-02-29T10:00:00Z'), 24)).toBe(utc('2022-02-28T10:00:00Z'));
  });

  it('between two moments leave no gap and touch both', () => {
    fc.assert(
      fc.property(moments, fc.integer({ min: 0, max: 40 * 31 * 86_400_000 }), (fromMs, lengthMs) => {
        const months = monthsBetween(fromMs, fromMs + lengthMs);
        expect(months[0]).toBe(monthStart(fromMs));
        expect(months.at(-1)).toBe(monthStart(fromMs + lengthMs));
        months.slice(1).forEach((month, i) => expect(month).toBe(addMonths(months[i]!, 1)));
      }),
    );
  });
});
