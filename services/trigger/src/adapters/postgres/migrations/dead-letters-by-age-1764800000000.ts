import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/** So that those whose message the broker has deleted are found, and go too. */
export class DeadLettersByAge1764800000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX dead_letter_by_age ON trigger.dead_letter (buried_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX trigger.dead_letter_by_age');
  }
}
