import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/** Contacts that were erased: nothing runs for them any more, whatever comes late. */
export class ContactErasures1764600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE trigger.contact_erasure (
        organization_id uuid NOT NULL,
        contact_id uuid NOT NULL,
        erased_at timestamptz NOT NULL,
        settled boolean NOT NULL DEFAULT false,
        PRIMARY KEY (organization_id, contact_id)
      )`);
    await runner.query(`
      COMMENT ON COLUMN trigger.contact_erasure.settled IS 'nothing that was under way at the erasure can still be stored'`);
    await runner.query(
      `CREATE INDEX contact_erasure_unsettled ON trigger.contact_erasure (erased_at) WHERE NOT settled`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE trigger.contact_erasure');
  }
}
