import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/** WhatsApp numbers of organisations, and contacts of which only a message or a click is known so far. */
export class Channels1764200000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE directory.channel (
        id uuid PRIMARY KEY,
        organization_id uuid NOT NULL REFERENCES directory.organization,
        phone_number_id text COLLATE "C" NOT NULL,
        waba_id text NOT NULL,
        display_phone_number text,
        dataset_id text,
        conversion_feedback boolean NOT NULL,
        sealed bytea NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        UNIQUE (organization_id, phone_number_id)
      )`);
    await runner.query(`
      COMMENT ON COLUMN directory.channel.sealed IS 'app secret, verify token, access token: AES-256-GCM by SECRETS_KEY, bound to the id; libs/directory src/connector/secret-box.ts'`);

    await runner.query(`ALTER TABLE directory.contact ADD COLUMN provisional boolean NOT NULL DEFAULT false`);
    await runner.query(`
      COMMENT ON COLUMN directory.contact.provisional IS 'nobody we know yet: becomes an alias once it is known whose message or click it was'`);
    await runner.query(`
      COMMENT ON COLUMN directory.identifier.kind IS '1 email (lower case), 2 phone (E.164), 3 external id, 4 WhatsApp user id, 5 evidence that made a provisional contact'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE directory.channel');
    await runner.query('ALTER TABLE directory.contact DROP COLUMN provisional');
  }
}
