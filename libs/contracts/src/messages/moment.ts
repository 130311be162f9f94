/**
 * Moments as they stand in headers. Most messages of a batch came within the same millisecond as the one before: the last answer
 * is kept, for making one costs as much as the rest of a header.
 */
const formatted = { ms: Number.NaN, text: '' };
const parsed = { ms: Number.NaN, text: '' };

export function formatMoment(ms: number): string {
  if (ms !== formatted.ms) {
    formatted.text = new Date(ms).toISOString();
    formatted.ms = ms;
  }
  return formatted.text;
}

/** `NaN` of what is no moment. */
export function parseMoment(text: string): number {
  if (text !== parsed.text) {
    parsed.ms = Date.parse(text);
    parsed.text = text;
  }
  return parsed.ms;
}
