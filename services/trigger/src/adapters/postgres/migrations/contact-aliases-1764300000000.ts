import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/** Contacts that were merged into others: whose executions, waits and late events go with them. */
export class ContactAliases1764300000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE trigger.contact_alias (
        organization_id uuid NOT NULL,
        contact_id uuid NOT NULL,
        into_id uuid NOT NULL,
        merged_at timestamptz NOT NULL,
        settled boolean NOT NULL DEFAULT false,
        PRIMARY KEY (organization_id, contact_id)
      )`);
    await runner.query(`
      COMMENT ON COLUMN trigger.contact_alias.settled IS 'nothing that was under way at the merge can still be stored for the old id'`);
    await runner.query(`CREATE INDEX contact_alias_into ON trigger.contact_alias (organization_id, into_id)`);
    await runner.query(
      `CREATE INDEX contact_alias_unsettled ON trigger.contact_alias (merged_at) WHERE NOT settled`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE trigger.contact_alias');
  }
}
