import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/** By which a log is known again: the moment of receipt of one of its records. Apart from `source`, which every batch writes. */
export class SourceMark1763700000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE dedup_meter.source_mark (
        source integer PRIMARY KEY,
        source_offset bigint NOT NULL,
        received_at timestamptz NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE dedup_meter.source_mark`);
  }
}
