import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/**
 * What has fired leaves its entries at the front of the index of what is due, and every look walks over them until they are vacuumed.
 * Postgres waits by default for a fifth of the table, with a million waiting timers 200,000 entries; and it leaves the index alone while
 * what is dead lies in few pages of the table, as it does when timers fire in the order in which they were set.
 */
export class TimersVacuumed1764700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE trigger.timer SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, vacuum_index_cleanup = on)`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE trigger.timer RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, vacuum_index_cleanup)`,
    );
  }
}
