import { Coalescer } from '@trackline/kernel';
import { isConnectionFault, type Database } from '@trackline/postgres';
import type { Commit } from '../../ports.ts';

export type PositionMoves = NonNullable<Commit['positions']>;

const MAX_PARTITIONS = 100;

/**
 * Moves the positions of partitions whose events had no effect, those of one turn of the event loop together. `false`: none of them is
 * moved, and each is to be tried alone.
 */
export function moveTogether(database: Database): (moves: PositionMoves) => Promise<boolean> {
  const together = new Coalescer<PositionMoves, boolean>(async (partitions) => {
    try {
      await database.query({
        name: 'trigger.move_positions_together',
        text: 'SELECT trigger.move_positions($1, $2, $3, $4, $5)',
        values: toColumns(partitions),
      });
      return true;
    } catch (error) {
      if (isConnectionFault(error)) throw error;
      // Rolled back: moved by another owner, locked by one, or not to be stored. Whose it is shows when each goes alone.
      return false;
    }
  }, MAX_PARTITIONS);
  return (moves) => together.call([moves]);
}

function toColumns(partitions: readonly PositionMoves[]): unknown[][] {
  const rows = partitions.flatMap(({ topic, partition, moved }) =>
    moved.map((move) => ({ topic, partition, ...move })),
  );
  return [
    rows.map((row) => row.topic),
    rows.map((row) => row.partition),
    rows.map((row) => row.source),
    rows.map((row) => row.from),
    rows.map((row) => row.to),
  ];
}
