import { DEFAULT_PAGE, MAX_PAGE, Problem } from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';

export interface Page<Item> {
  readonly items: Item[];
  /** Give it as `cursor` to get the next page; `null` on the last one. */
  readonly nextCursor: string | null;
}

export interface PageRequest {
  /** 1 to 200, default 50. */
  readonly limit?: number;
  readonly cursor?: string;
}

/** Sorts after every id: where newest-first lists begin. */
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Lists are ordered by id, newest first: the page begins below `beforeId`. Read one row more than `size` to know whether more follow. */
export function startOf({ limit, cursor }: PageRequest): { beforeId: string; size: number } {
  const wanted = Math.trunc(limit ?? DEFAULT_PAGE);
  const size = Math.min(MAX_PAGE, Math.max(1, Number.isFinite(wanted) ? wanted : DEFAULT_PAGE));
  if (cursor === undefined) return { beforeId: LAST_ID, size };
  const beforeId = Buffer.from(cursor, 'base64url').toString('latin1');
  if (!isUuid(beforeId)) {
    throw new Problem(
      'BAD_REQUEST',
      'The cursor is not one of ours: give "nextCursor" of the page before, unchanged.',
    );
  }
  return { beforeId, size };
}

export function pageOf<Item extends { readonly id: string }>(found: Item[], size: number): Page<Item> {
  const items = found.slice(0, size);
  const last = found.length > size ? items.at(-1) : undefined;
  return { items, nextCursor: last ? Buffer.from(last.id, 'latin1').toString('base64url') : null };
}
