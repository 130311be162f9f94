/**
 * Each message carries the place in its source partition that it was judged at, and messages of one source partition come in that order.
 * So the highest offset seen per source tells what has had its effect: a message at or below it came again, by whatever way.
 */
export interface Placed {
  readonly position: { readonly source: string; readonly offset: number };
}

/** Moves one source's offset; `expected` is -1 for a source that was not known. */
export interface PositionMove {
  readonly source: string;
  readonly expected: number;
  readonly next: number;
}

export const UNKNOWN_SOURCE = -1;

export interface Passed<Item> {
  /** In the order in which they came. */
  readonly fresh: readonly Item[];
  /** Sorted by source: two owners that move the same rows do not wait for each other in a circle. */
  readonly moves: readonly PositionMove[];
}

/** Keeps the items that are beyond the known positions, each place once, and says where the positions go. */
export function pass<Item extends Placed>(
  known: ReadonlyMap<string, number>,
  items: readonly Item[],
): Passed<Item> {
  const reached = new Map<string, number>();
  const fresh: Item[] = [];
  for (const item of items) {
    const { source, offset } = item.position;
    if (offset <= (reached.get(source) ?? known.get(source) ?? UNKNOWN_SOURCE)) continue;
    reached.set(source, offset);
    fresh.push(item);
  }
  const moves = [...reached]
    .map(([source, next]) => ({ source, expected: known.get(source) ?? UNKNOWN_SOURCE, next }))
    .sort((a, b) => (a.source < b.source ? -1 : 1));
  return { fresh, moves };
}
