/** Date alone, or date and time with a zone: ISO 8601 as people and programs write it. */
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})$/i;

/** Milliseconds since the epoch; a date is its first moment in UTC; `undefined` for anything else. */
export function parseMoment(text: string): number | undefined {
  if (!DATE.test(text) && !DATE_TIME.test(text)) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) return undefined;
  // Date.parse takes the 31st of February for the 3rd of March.
  const day = text.slice(0, 10);
  return new Date(Date.parse(`${day}T00:00:00Z`)).toISOString().startsWith(day) ? ms : undefined;
}
