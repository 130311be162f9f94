import type { Issue } from '@trackline/contracts';
import { err, ok, type Result } from '@trackline/kernel';
import { dayOf } from './figures.ts';
import { factsKeptFrom } from './retention.ts';

export type GroupBy = 'day' | 'week' | 'month';

/** Which days a report is about, and into what periods it cuts them. Days are `2026-11-20`, UTC, both inside. */
export interface ReportRequest {
  readonly from: string;
  readonly to: string;
  readonly groupBy: GroupBy;
}

interface AskedReport {
  readonly from?: string;
  readonly to?: string;
  readonly groupBy?: GroupBy;
}

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;
/** All that is kept: 24 months, and the month that they begin in. */
export const MAX_DAYS = 762;

const startOf = (day: string): number => Date.parse(`${day}T00:00:00Z`);
const isDay = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(startOf(text)) && dayOf(startOf(text)) === text;

/** The request, or everything that is wrong with it. */
export function toReportRequest(
  { from, to, groupBy = 'day' }: AskedReport,
  nowMs: number,
): Result<ReportRequest, readonly Issue[]> {
  const issues: Issue[] = [];
  for (const [field, text] of [
    ['from', from],
    ['to', to],
  ] as const) {
    if (text !== undefined && !isDay(text)) {
      issues.push({ path: `/${field}`, message: `"${text}" is no date: write 2026-11-20.` });
    }
  }
  if (issues.length > 0) return err(issues);
  const last = to ?? dayOf(nowMs);
  const first = from ?? dayOf(startOf(last) - (DEFAULT_DAYS - 1) * DAY_MS);
  const days = (startOf(last) - startOf(first)) / DAY_MS + 1;
  if (days < 1) issues.push({ path: '/to', message: `"to" is ${last}, which is before "from", ${first}.` });
  const kept = dayOf(factsKeptFrom(nowMs));
  if (first < kept) {
    issues.push({
      path: '/from',
      message: `Figures are kept since ${kept}; this report would begin on ${first}.`,
    });
  }
  if (days > MAX_DAYS) {
    issues.push({ path: '/from', message: `A report is about ${MAX_DAYS} days at most; these are ${days}.` });
  }
  return issues.length > 0 ? err(issues) : ok({ from: first, to: last, groupBy });
}

/** The period that holds a day: the day, the Monday of its week, or its month. */
export function periodOf(day: string, groupBy: GroupBy): string {
  if (groupBy === 'day') return day;
  if (groupBy === 'month') return day.slice(0, 7);
  const ms = startOf(day);
  const sinceMonday = (new Date(ms).getUTCDay() + 6) % 7;
  return dayOf(ms - sinceMonday * DAY_MS);
}

/** All periods of the request, oldest first, also those in which nothing happened. */
export function periodsOf({ from, to, groupBy }: ReportRequest): string[] {
  const periods = new Set<string>();
  for (let ms = startOf(from); ms <= startOf(to); ms += DAY_MS) periods.add(periodOf(dayOf(ms), groupBy));
  return [...periods];
}
