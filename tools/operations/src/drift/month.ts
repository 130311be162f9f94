import { monthEnd } from '@trackline/contracts';

/** First days of the month and of the one after it, UTC: `2026-11` → `2026-11-01`, `2026-12-01`. */
export function daysOf(month: string): { readonly first: string; readonly next: string } {
  return { first: `${month}-01`, next: new Date(monthEnd(month)).toISOString().slice(0, 10) };
}
