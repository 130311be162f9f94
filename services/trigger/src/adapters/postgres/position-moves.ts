import { Coalescer } from '@trackline/kernel';
import {
  bigintArray,
  intArray,
  isContention,
  isDataFault,
  textArray,
  type Queryable,
} from '@trackline/postgres';
import type { Commit } from '../../ports.ts';

export type PositionMoves = NonNullable<Commit['positions']>;

const MAX_PARTITIONS = 100;

/** The function's own. */
const MOVED_BY_ANOTHER = 'TL101';

/** Whoever moves them first has the batch: the other's transaction has failed. */
export const isMovedByAnother = (error: unknown): boolean =>
  (error as { code?: unknown } | null)?.code === MOVED_BY_ANOTHER;

/** By compare-and-set, in the transaction of what the events have brought about. */
export async function movePositions(tx: Queryable, moves: PositionMoves): Promise<void> {
  if (moves.moved.length > 0) await move(tx, [moves], false);
}

/**
 * Moves the positions of partitions whose events had no effect, those of one turn of the event loop together. `false`: none of them is
 * moved, and each is to be tried alone.
 */
export function moveTogether(database: Queryable): (moves: PositionMoves) => Promise<boolean> {
  const together = new Coalescer<PositionMoves, boolean>(async (partitions) => {
    try {
      await move(database, partitions, true);
      return true;
    } catch (error) {
      // Moved by another owner, locked by one, or not to be stored. Whose it is shows when each goes alone.
      if (isMovedByAnother(error) || isContention(error) || isDataFault(error)) return false;
      throw error;
    }
  }, MAX_PARTITIONS);
  return (moves) => together.call([moves]);
}

async function move(
  db: Queryable,
  partitions: readonly PositionMoves[],
  nothingElse: boolean,
): Promise<void> {
  const rows = partitions.flatMap(({ topic, partition, moved }) =>
    moved.map((one) => ({ topic, partition, ...one })),
  );
  await db.query({
    name: 'trigger.move_positions',
    text: 'SELECT trigger.move_positions($1, $2, $3, $4, $5, $6)',
    values: [
      textArray(rows, (row) => row.topic),
      intArray(rows, (row) => row.partition),
      textArray(rows, (row) => row.source),
      bigintArray(rows, (row) => row.from),
      bigintArray(rows, (row) => row.to),
      nothingElse,
    ],
  });
}
