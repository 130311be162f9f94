import { addMonths, monthStart } from './calendar-month.ts';

/** A stretch of time to read at once: from `fromMs` up to, not including, `toMs`. */
export interface ReadWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Cuts [fromMs, toMs) into windows along the months, newest first, each twice as many months as the one before: a page that the youngest
 * partition can fill touches no other, and one that must go back two years gets there in six steps.
 */
export function* windowsNewestFirst(fromMs: number, toMs: number): Generator<ReadWindow> {
  let months = 1;
  let end = toMs;
  while (end > fromMs) {
    const start = Math.max(fromMs, addMonths(monthStart(end - 1), 1 - months));
    yield { fromMs: start, toMs: end };
    end = start;
    months *= 2;
  }
}
