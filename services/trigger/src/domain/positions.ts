import type { Position } from '@trackline/contracts';

/** The highest offset of each source that has taken effect, for one partition. */
export type Positions = ReadonlyMap<string, number>;

export const NOTHING_YET = -1;

/** Whether the event at this position has taken effect already. */
export const isPast = (positions: Positions, { source, offset }: Position): boolean =>
  offset <= (positions.get(source) ?? NOTHING_YET);

/** As far as before, and over these, which are passed without an effect. */
export function raisedTo(positions: Positions, passed: readonly Position[]): Positions {
  if (passed.length === 0) return positions;
  const raised = new Map(positions);
  for (const position of passed) if (!isPast(raised, position)) raised.set(position.source, position.offset);
  return raised;
}

export interface MovedPosition {
  readonly source: string;
  readonly from: number;
  readonly to: number;
}

/** What is to be stored, in an order that is the same for all: two writers then never wait for each other in a circle. */
export function movedPositions(before: Positions, after: Positions): MovedPosition[] {
  const moved: MovedPosition[] = [];
  for (const [source, to] of after) {
    const from = before.get(source) ?? NOTHING_YET;
    if (to > from) moved.push({ source, from, to });
  }
  return moved.sort((a, b) => (a.source < b.source ? -1 : 1));
}
