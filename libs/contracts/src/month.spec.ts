import { describe, expect, it } from '@jest/globals';
import { dayOf, monthEnd, monthOf } from './month.ts';

describe('the metering month', () => {
  it('changes at midnight UTC, to the millisecond', () => {
    expect(monthOf(Date.parse('2026-11-30T23:59:59.999Z'))).toBe('2026-11');
    expect(monthOf(Date.parse('2026-12-01T00:00:00.000Z'))).toBe('2026-12');
    expect(dayOf(Date.parse('2026-12-01T00:00:00.000+01:00'))).toBe('2026-11-30');
  });

  it('ends where the next one begins, over the turn of a year too', () => {
    expect(new Date(monthEnd('2026-12')).toISOString()).toBe('2027-01-01T00:00:00.000Z');
    expect(new Date(monthEnd('2028-02')).toISOString()).toBe('2028-03-01T00:00:00.000Z');
  });
});
