import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/** The numbers of remembered events as they were sent: jsonb would give them back, and JSON.parse would not. */
export class RememberedNumbers1764500000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE trigger.remembered ADD COLUMN numbers jsonb');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE trigger.remembered DROP COLUMN numbers');
  }
}
