import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/**
 * Moves positions, of one partition or several: all of them or, with TL101, none, when one was not where its owner thought. `nothing_else`: its
 * transaction holds no more. Then its commit does not wait for the disk, since a move that is lost is made again by the same messages; nor does
 * it wait for a former owner's transaction: then the partition of that one waits alone.
 */
const MOVE_POSITIONS = `
  CREATE FUNCTION trigger.move_positions(
    topics text[], partitions int[], sources text[], olds bigint[], news bigint[], nothing_else boolean
  ) RETURNS void
  LANGUAGE plpgsql AS $$
  DECLARE
    moved bigint;
  BEGIN
    IF nothing_else THEN
      PERFORM set_config('synchronous_commit', 'off', true), set_config('lock_timeout', '50ms', true);
    END IF;
    WITH m AS (
      SELECT * FROM unnest(topics, partitions, sources, olds, news) AS m (topic, partition, source, old, new)
    ), first AS (
      INSERT INTO trigger.position (topic, partition, source, source_offset)
      SELECT topic, partition, source, new FROM m WHERE old < 0 ON CONFLICT DO NOTHING RETURNING 1
    ), later AS (
      UPDATE trigger.position p SET source_offset = m.new FROM m
      WHERE p.topic = m.topic AND p.partition = m.partition AND p.source = m.source AND p.source_offset = m.old RETURNING 1
    )
    SELECT (SELECT count(*) FROM first) + (SELECT count(*) FROM later) INTO moved;
    IF moved <> cardinality(sources) THEN
      RAISE EXCEPTION 'Another owner has moved the positions.' USING ERRCODE = 'TL101';
    END IF;
  END $$
`;

export class MovePositions1764960000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(MOVE_POSITIONS);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'DROP FUNCTION trigger.move_positions(text[], int[], text[], bigint[], bigint[], boolean)',
    );
  }
}
