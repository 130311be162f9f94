import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/** When each table is next swept of what has expired: one instance takes the turn, whichever comes first. */
export class Sweep1763700000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE dedup_meter.sweep (
        swept text PRIMARY KEY,
        due_at timestamptz NOT NULL
      )`);
    await runner.query(`
      INSERT INTO dedup_meter.sweep (swept, due_at)
        VALUES ('event_identity', now()), ('unique_identity', now()), ('dead_letter', now())`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE dedup_meter.sweep`);
  }
}
