import { isStorableText } from '@trackline/contracts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** Readers of what somebody else defines and changes at will: whatever is not as expected is absent, and nothing throws. */
export const objectOf = (value: unknown): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;

export const objectsOf = (value: unknown): readonly JsonObject[] =>
  Array.isArray(value)
    ? value.flatMap((item: unknown): JsonObject[] => {
        const object = objectOf(item);
        return object ? [object] : [];
      })
    : [];

const MAX_CHARACTERS = 1_000;

/** Text that can be stored, not empty; a number that JSON holds exactly counts as its digits. */
export function textOf(value: unknown): string | undefined {
  const text = Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== 'string' || text === '' || text.length > MAX_CHARACTERS) return undefined;
  return isStorableText(text) ? text : undefined;
}

const MAX_AHEAD_MS = 5 * 60_000;
/** 24 months, and a day for the time that Meta retries. */
const MAX_AGE_MS = 729 * 86_400_000;

/** Unix seconds, as text or number, in milliseconds. `undefined`: none, or none that an event received at `receivedAtMs` can have. */
export function momentOf(value: unknown, receivedAtMs: number): number | undefined {
  const text = textOf(value);
  if (text === undefined || !/^\d{1,12}$/.test(text)) return undefined;
  const ms = Number(text) * 1_000;
  return ms <= receivedAtMs + MAX_AHEAD_MS && ms >= receivedAtMs - MAX_AGE_MS ? ms : undefined;
}
