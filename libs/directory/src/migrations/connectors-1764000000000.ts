import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/** Credentials of organisations for what is sent in their name. */
export class Connectors1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE directory.connector (
        organization_id uuid NOT NULL REFERENCES directory.organization,
        kind text NOT NULL,
        shown jsonb NOT NULL,
        sealed bytea NOT NULL,
        updated_at timestamptz NOT NULL,
        PRIMARY KEY (organization_id, kind)
      )`);
    await runner.query(`
      COMMENT ON COLUMN directory.connector.sealed IS 'AES-256-GCM by SECRETS_KEY, bound to organisation and kind; libs/directory src/connector/secret-box.ts'`);
    await runner.query(`
      COMMENT ON COLUMN directory.connector.shown IS 'what may be shown without a key: secrets are masked'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE directory.connector');
  }
}
