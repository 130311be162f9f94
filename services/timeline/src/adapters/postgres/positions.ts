import { bigintArray, textArray, type Database, type Queryable } from '@trackline/postgres';
import { UNKNOWN_SOURCE, type PositionMove } from '../../domain/source-positions.ts';
import type { OwnPartition, PositionReader } from '../../ports.ts';

export const positionReader = (database: Database): PositionReader => ({
  async load({ topic, partition }) {
    const { rows } = await database.query<{ source: string; source_offset: number }>({
      name: 'timeline-positions',
      text: 'SELECT source, source_offset FROM timeline.position WHERE topic = $1 AND partition = $2',
      values: [topic, partition],
    });
    return new Map(rows.map((row) => [row.source, row.source_offset]));
  },
});

const MOVED = '(SELECT count(*) FROM moved) + (SELECT count(*) FROM begun) AS moved';

const MOVE = `
  WITH move AS (
    SELECT * FROM unnest($3::text[], $4::bigint[], $5::bigint[]) AS move (source, expected, next)
  ), moved AS (
    UPDATE timeline.position AS held SET source_offset = move.next
    FROM move
    WHERE held.topic = $1 AND held.partition = $2 AND held.source = move.source AND held.source_offset = move.expected
    RETURNING 1
  ), begun AS (
    INSERT INTO timeline.position (topic, partition, source, source_offset)
    SELECT $1, $2, source, next FROM move WHERE expected = ${UNKNOWN_SOURCE}
    ON CONFLICT DO NOTHING
    RETURNING 1
  )
`;

/** Moves all positions or, when one was not where it was expected, says false: then the caller must roll back. */
export async function movePositions(
  tx: Queryable,
  owner: OwnPartition,
  moves: readonly PositionMove[],
): Promise<boolean> {
  const { rows } = await tx.query<{ moved: number }>({
    name: 'timeline-move-positions',
    text: `${MOVE} SELECT ${MOVED}`,
    values: moveValues(owner, moves),
  });
  return rows[0]!.moved === moves.length;
}

/** The same, and enters attribution with the same statement; gives the version of the editions. `undefined`: the caller must roll back. */
export async function movePositionsAndEnter(
  tx: Queryable,
  owner: OwnPartition,
  moves: readonly PositionMove[],
): Promise<number | undefined> {
  const { rows } = await tx.query<{ moved: number; version: number }>({
    name: 'timeline-move-positions-and-enter',
    text: `${MOVE} SELECT ${MOVED}, timeline.enter_attribution() AS version`,
    values: moveValues(owner, moves),
  });
  return rows[0]!.moved === moves.length ? rows[0]!.version : undefined;
}

const moveValues = ({ topic, partition }: OwnPartition, moves: readonly PositionMove[]): unknown[] => [
  topic,
  partition,
  textArray(moves, (move) => move.source),
  bigintArray(moves, (move) => move.expected),
  bigintArray(moves, (move) => move.next),
];

/** Thrown inside a transaction to roll it back, caught around it. */
export class Overtaken extends Error {}
