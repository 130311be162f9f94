import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/** Executions that stand at a send to a contact of whom only a trace is known: few, and found by their contact when it is known. */
export class HeldSends1764400000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE trigger.execution ADD COLUMN held boolean NOT NULL DEFAULT false');
    await runner.query('CREATE INDEX execution_held ON trigger.execution (contact_id) WHERE held');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE trigger.execution DROP COLUMN held');
  }
}
