/** UTC calendar months, each named by its first moment in milliseconds since the epoch. */

export const monthStart = (ms: number): number => {
  const date = new Date(ms);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
};

/** The month `count` months after (or, negative, before) the one that holds `ms`. */
export const addMonths = (ms: number, count: number): number => {
  const date = new Date(ms);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + count, 1);
};

/** The same day and time `count` months earlier; a day that the month does not have is its last one. */
export function monthsBefore(ms: number, count: number): number {
  const date = new Date(ms);
  const day = date.getUTCDate();
  date.setUTCMonth(date.getUTCMonth() - count);
  if (date.getUTCDate() !== day) date.setUTCDate(0);
  return date.getTime();
}

/** All months that touch [fromMs, toMs], oldest first. */
export function monthsBetween(fromMs: number, toMs: number): number[] {
  const months: number[] = [];
  for (let month = monthStart(fromMs); month <= toMs; month = addMonths(month, 1)) months.push(month);
  return months;
}
