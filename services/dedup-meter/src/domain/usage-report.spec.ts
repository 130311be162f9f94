import { describe, expect, it } from '@jest/globals';
import { firstReportedDay, toUsageReport, type PlanTerms } from './usage-report.ts';

const CUSTOM: PlanTerms = { plan: 'custom', monthlyLimit: 100, hardCap: 125 };
const report = (used: number, terms = CUSTOM) =>
  toUsageReport('2026-11', terms, [{ day: '2026-11-03', used }]);

describe('the usage report', () => {
  it('tells this month by day and the months before it', () => {
    const days = [
      { day: '2026-10-31', used: 7 },
      { day: '2026-11-01', used: 20 },
      { day: '2026-11-20', used: 30 },
    ];
    expect(toUsageReport('2026-11', CUSTOM, days)).toEqual({
      period: '2026-11',
      plan: 'custom',
      limit: 100,
      hardCap: 125,
      used: 50,
      remaining: 50,
      percent: 50,
      zone: 'included',
      resetsAt: '2026-12-01T00:00:00.000Z',
      days: [
        { date: '2026-11-01', used: 20 },
        { date: '2026-11-20', used: 30 },
      ],
      months: [
        { period: '2026-10', used: 7 },
        { period: '2026-11', used: 50 },
      ],
    });
  });

  it.each([
    [100, 'included', 0],
    [101, 'grace', 0],
    [124, 'grace', 0],
    [125, 'exhausted', 0],
    [99, 'included', 1],
  ])('with %i of 100 used is in the zone "%s"', (used, zone, remaining) => {
    expect(report(used)).toMatchObject({ zone, remaining });
  });

  it('knows no end of an unlimited plan', () => {
    expect(report(9_999_999, { plan: 'enterprise', monthlyLimit: null, hardCap: null })).toMatchObject({
      limit: null,
      hardCap: null,
      remaining: null,
      percent: 0,
      zone: 'included',
    });
  });

  it('goes twelve months back', () => {
    expect(firstReportedDay('2026-11')).toBe('2025-12-01');
    expect(firstReportedDay('2026-12')).toBe('2026-01-01');
  });
});
