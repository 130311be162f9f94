import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/** What Meta's webhook needs to remember: who is behind a message or a click, and what was sent, byte by byte. */
export class CreateIngest1764200000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ingest.link (
        organization_id uuid NOT NULL,
        key bytea NOT NULL,
        contact_id uuid NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (organization_id, key)
      )`);
    await runner.query(`
      COMMENT ON COLUMN ingest.link.key IS '16 bytes of the SHA-256 of "message:<id>" or "click:<ctwa_clid>"'`);
    await runner.query(`CREATE INDEX link_at ON ingest.link (at)`);

    await runner.query(`
      CREATE TABLE ingest.provisional (
        organization_id uuid NOT NULL,
        contact_id uuid NOT NULL,
        person_id uuid,
        made_at timestamptz NOT NULL,
        identified_at timestamptz,
        merged_at timestamptz,
        PRIMARY KEY (organization_id, contact_id)
      )`);
    await runner.query(`
      COMMENT ON TABLE ingest.provisional IS 'contacts of which only a message or click was known. person_id is set once; the directory is told after that (merged_at)'`);
    await runner.query(`
      CREATE INDEX provisional_to_merge ON ingest.provisional (identified_at) WHERE person_id IS NOT NULL AND merged_at IS NULL`);
    await runner.query(`
      CREATE INDEX provisional_merged ON ingest.provisional (merged_at) WHERE merged_at IS NOT NULL`);

    await runner.query(`
      CREATE TABLE ingest.webhook_body (
        id uuid PRIMARY KEY,
        channel_id uuid NOT NULL,
        organization_id uuid NOT NULL,
        digest bytea NOT NULL,
        received_at timestamptz NOT NULL,
        body bytea NOT NULL,
        UNIQUE (channel_id, digest)
      )`);
    await runner.query(`
      COMMENT ON COLUMN ingest.webhook_body.digest IS 'SHA-256 of the body: the same bytes are kept once'`);
    await runner.query(`CREATE INDEX webhook_body_received ON ingest.webhook_body (received_at)`);
    await runner.query(`CREATE INDEX webhook_body_of_channel ON ingest.webhook_body (channel_id, id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['webhook_body', 'provisional', 'link'])
      await runner.query(`DROP TABLE ingest.${table}`);
  }
}
