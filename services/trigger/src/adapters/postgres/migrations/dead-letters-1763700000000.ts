import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/** Messages whose position was passed without an effect. A row goes when its message is sent back and takes effect. */
export class DeadLetters1763700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE trigger.dead_letter (
        topic text NOT NULL,
        partition integer NOT NULL,
        source text NOT NULL,
        source_offset bigint NOT NULL,
        buried_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (topic, partition, source, source_offset)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE trigger.dead_letter');
  }
}
