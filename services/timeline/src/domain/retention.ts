import { addMonths, monthsBefore, monthsBetween, monthStart } from './calendar-month.ts';

/** The tables that are kept in monthly partitions. */
export type PartitionedTable = 'event' | 'refusal' | 'execution_effect';

/** An event stays on the timeline for 24 months. */
export const EVENT_MONTHS = 24;
export const MONTHS_AHEAD = 2;
const DAY_MS = 86_400_000;
export const REFUSAL_DAYS = 30;

/** The moment before which rows of a table need not be kept. */
export function keepsFrom(table: PartitionedTable, nowMs: number): number {
  return table === 'refusal' ? nowMs - REFUSAL_DAYS * DAY_MS : monthsBefore(nowMs, EVENT_MONTHS);
}

/**
 * The moment before which facts of attribution, and the sums that were made of them, are not kept: as long as the timeline, whole months at a time.
 */
export const factsKeptFrom = (nowMs: number): number => monthStart(keepsFrom('event', nowMs));

/**
 * Months whose partitions are made before they are needed: all that are kept and some ahead. Effects are as young as the messages that tell of
 * them: of their older months one is made when it is needed.
 */
export const monthsToMake = (table: PartitionedTable, nowMs: number): number[] =>
  monthsBetween(
    table === 'execution_effect' ? addMonths(nowMs, -1) : keepsFrom(table, nowMs),
    addMonths(nowMs, MONTHS_AHEAD),
  );

/** Whether the youngest row that a month can hold is past keeping. */
export const isExpired = (table: PartitionedTable, monthMs: number, nowMs: number): boolean =>
  addMonths(monthMs, 1) <= keepsFrom(table, nowMs);

/** Beyond these a time is nonsense rather than late or early: nobody shall make partitions of the year 9999. */
const SANE_MONTHS_BACK = EVENT_MONTHS + 12;

export const isSaneTime = (ms: number, nowMs: number): boolean =>
  ms >= addMonths(nowMs, -SANE_MONTHS_BACK) && ms < addMonths(nowMs, MONTHS_AHEAD + 1);

/** `event_2026_11` */
export function partitionName(table: PartitionedTable, monthMs: number): string {
  const [year, month] = new Date(monthStart(monthMs)).toISOString().split('-');
  return `${table}_${year}_${month}`;
}

/** The month of a partition by its name; `undefined` for a name that is no partition of the table. */
export function monthOfPartition(table: PartitionedTable, name: string): number | undefined {
  const match = /^(.+)_(\d{4})_(\d{2})$/.exec(name);
  return match?.[1] === table ? Date.UTC(Number(match[2]), Number(match[3]) - 1, 1) : undefined;
}
