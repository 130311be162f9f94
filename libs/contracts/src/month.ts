/** The metering month is the UTC calendar month of receipt. */

/** `2026-11` for a moment in milliseconds since the epoch. */
export const monthOf = (ms: number): string => new Date(ms).toISOString().slice(0, 7);

/** `2026-11-20` for a moment in milliseconds since the epoch. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** The first moment of the month after `month` (`2026-11`), in milliseconds since the epoch. */
export function monthEnd(month: string): number {
  const [year, number] = month.split('-').map(Number) as [number, number];
  return Date.UTC(year, number, 1);
}
