import { monthEnd, percentOf, type UsageReport } from '@trackline/contracts';
import type { PlanName } from '@trackline/contracts';

export interface UsageOfDay {
  /** `2026-11-20` */
  readonly day: string;
  readonly used: number;
}

export interface PlanTerms {
  readonly plan: PlanName;
  readonly monthlyLimit: number | null;
  readonly hardCap: number | null;
}

/** How many months are told, the running one included. */
export const REPORTED_MONTHS = 12;

/** The first day of the oldest month that is told in `month` (`2026-11`). */
export function firstReportedDay(month: string): string {
  const [year, number] = month.split('-').map(Number) as [number, number];
  return new Date(Date.UTC(year, number - REPORTED_MONTHS, 1)).toISOString().slice(0, 10);
}

/** `days`: in order, from `firstReportedDay` on. */
export function toUsageReport(month: string, terms: PlanTerms, days: readonly UsageOfDay[]): UsageReport {
  const months = new Map<string, number>();
  for (const { day, used } of days) months.set(day.slice(0, 7), (months.get(day.slice(0, 7)) ?? 0) + used);
  const used = months.get(month) ?? 0;
  const { plan, monthlyLimit: limit, hardCap } = terms;
  return {
    period: month,
    plan,
    limit,
    hardCap,
    used,
    remaining: limit === null ? null : Math.max(0, limit - used),
    percent: percentOf(used, limit),
    zone: zoneOf(used, terms),
    resetsAt: new Date(monthEnd(month)).toISOString(),
    days: days
      .filter(({ day }) => day.startsWith(month))
      .map(({ day, used: ofDay }) => ({ date: day, used: ofDay })),
    months: [...months].map(([period, ofMonth]) => ({ period, used: ofMonth })),
  };
}

function zoneOf(used: number, { monthlyLimit, hardCap }: PlanTerms): UsageReport['zone'] {
  if (hardCap !== null && used >= hardCap) return 'exhausted';
  return monthlyLimit !== null && used > monthlyLimit ? 'grace' : 'included';
}
