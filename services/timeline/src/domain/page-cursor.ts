import { isUuid } from '@trackline/kernel';

/** A place in a list that is ordered by (occurredAt, id), newest first: the page goes on strictly below it. */
export interface Place {
  /** Milliseconds since the epoch. */
  readonly occurredAtMs: number;
  readonly id: string;
}

/** Sorts before every id: a list that begins here holds what occurred strictly before the moment. */
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

export const placeBefore = (ms: number): Place => ({ occurredAtMs: ms, id: FIRST_ID });

export const encodeCursor = (place: Place): string =>
  Buffer.from(`${place.occurredAtMs}/${place.id}`, 'latin1').toString('base64url');

/** `undefined` for a text that `encodeCursor` did not make. */
export function decodeCursor(cursor: string): Place | undefined {
  const [ms, id, ...rest] = Buffer.from(cursor, 'base64url').toString('latin1').split('/');
  if (ms === undefined || id === undefined || rest.length > 0) return undefined;
  if (!/^-?\d{1,15}$/.test(ms) || !isUuid(id)) return undefined;
  const place = { occurredAtMs: Number(ms), id };
  return encodeCursor(place) === cursor ? place : undefined;
}

/** Newest first. */
export const byNewest = (a: Place, b: Place): number =>
  b.occurredAtMs - a.occurredAtMs || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
