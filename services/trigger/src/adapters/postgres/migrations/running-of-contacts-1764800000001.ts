import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/** What runs for a contact, beside all that has ended. */
export class RunningOfContacts1764800000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE INDEX execution_running_of_contact ON trigger.execution (contact_id) WHERE ended_at IS NULL',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX trigger.execution_running_of_contact');
  }
}
