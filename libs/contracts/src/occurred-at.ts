/** When an event happened, as its sender says it: the bounds hold at every door. */

export const MAX_AHEAD_MS = 5 * 60_000;
export const MAX_AGE_MONTHS = 24;

/** A date (midnight UTC), or date and time with a zone; seconds and fractions may be left out. ISO 8601 allows more than anybody sends. */
const MOMENT =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?([Zz]|[+-]\d\d(?::?\d\d)?)?)?$/;

export type OccurredAt =
  { readonly ok: true; readonly ms: number } | { readonly ok: false; readonly message: string };

const refused = (message: string): OccurredAt => ({ ok: false, message });

/** The moment in milliseconds since the epoch, or why it cannot be one of an event that is received at `nowMs`. */
export function parseOccurredAt(text: string, nowMs: number): OccurredAt {
  const match = MOMENT.exec(text);
  if (!match) return refused('occurredAt must be ISO 8601, as in 2026-11-20T10:00:00.000Z.');
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  if (hour !== undefined && zone === undefined) {
    return refused('occurredAt needs a time zone: "Z" for UTC, or an offset as in +01:00.');
  }
  const ms = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour ?? 0),
    Number(minute ?? 0),
    Number(second ?? 0),
  );
  const written = `${year}-${month}-${day}T${hour ?? '00'}:${minute ?? '00'}:${second ?? '00'}`;
  // Date.UTC takes the 31st of February for the 3rd of March, and 25 o'clock for 1 o'clock of the next day.
  if (!Number.isFinite(ms) || !new Date(ms).toISOString().startsWith(written)) {
    return refused('occurredAt is a date or a time that does not exist.');
  }
  return withinBounds(ms + millisecondsOf(fraction) - offsetMs(zone), nowMs);
}

function withinBounds(ms: number, nowMs: number): OccurredAt {
  if (ms > nowMs + MAX_AHEAD_MS) return refused('occurredAt is more than 5 minutes ahead.');
  if (ms < monthsBefore(nowMs, MAX_AGE_MONTHS)) return refused('occurredAt is more than 24 months back.');
  return { ok: true, ms };
}

const millisecondsOf = (fraction: string | undefined): number =>
  fraction === undefined ? 0 : Number(fraction.padEnd(3, '0').slice(0, 3));

function offsetMs(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z' || zone === 'z') return 0;
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2));
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}

/** The same day and time `months` earlier; the last of the month where it has no such day. */
function monthsBefore(ms: number, months: number): number {
  const date = new Date(ms);
  const day = date.getUTCDate();
  date.setUTCMonth(date.getUTCMonth() - months);
  if (date.getUTCDate() !== day) date.setUTCDate(0);
  return date.getTime();
}
