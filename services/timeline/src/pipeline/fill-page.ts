import type { Place } from '../domain/page-cursor.ts';
import { encodeCursor } from '../domain/page-cursor.ts';
import type { ReadRequest } from '../domain/read-request.ts';
import { windowsNewestFirst } from '../domain/read-windows.ts';
import type { Found, Stretch } from '../ports.ts';

export interface FilledPage<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

/** Reads one window after the other, newest first, until the page is full; one row more tells whether another page follows. */
export async function fillPage<Item extends Place>(
  { fromMs, toMs, place, limit, name }: ReadRequest,
  read: (stretch: Stretch) => Promise<Found<Item>>,
): Promise<FilledPage<Item>> {
  const found: Item[] = [];
  for (const window of windowsNewestFirst(fromMs, Math.min(toMs, place.occurredAtMs + 1))) {
    const { rows, reached } = await read({ window, place, limit: limit + 1 - found.length, name });
    found.push(...rows);
    if (found.length > limit) {
      const items = found.slice(0, limit);
      return { items, nextCursor: encodeCursor(items.at(-1)!) };
    }
    if (reached) return { items: found, nextCursor: encodeCursor(reached) };
  }
  return { items: found, nextCursor: null };
}
