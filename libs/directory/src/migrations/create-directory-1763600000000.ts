import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/**
 * Ids are `uuid`: what is not a UUID is never sent to the database, so it is simply not found.
 * Contacts carry no foreign key to their organisation: each insert would lock the organisation's row, and organisations are never deleted.
 */
export class CreateDirectory1763600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE directory.organization (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        plan text NOT NULL,
        monthly_limit bigint,
        requests_per_minute integer,
        settings jsonb NOT NULL,
        version bigint NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
      )`);
    await runner.query(`
      COMMENT ON COLUMN directory.organization.monthly_limit IS 'of plan custom only; the others have theirs in the plan table'`);

    // What caches compare: narrow and half empty, so that raising a number never touches an index.
    await runner.query(`
      CREATE TABLE directory.revision (
        organization_id uuid PRIMARY KEY REFERENCES directory.organization,
        settings bigint NOT NULL DEFAULT 1,
        identifiers bigint NOT NULL DEFAULT 1
      ) WITH (fillfactor = 50)`);
    await runner.query(`
      COMMENT ON TABLE directory.revision IS 'settings: moves with the organisation and its keys. identifiers: moves when an existing identifier or contact stops meaning what it meant'`);

    await runner.query(`
      CREATE TABLE directory.api_key (
        id uuid PRIMARY KEY,
        organization_id uuid NOT NULL REFERENCES directory.organization,
        name text NOT NULL,
        hash bytea NOT NULL UNIQUE,
        prefix text NOT NULL,
        scopes text[] NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz,
        revoked_at timestamptz
      )`);
    await runner.query(`CREATE INDEX api_key_of_organization ON directory.api_key (organization_id, id)`);

    await runner.query(`
      CREATE TABLE directory.contact (
        organization_id uuid NOT NULL,
        id uuid NOT NULL,
        email text COLLATE "C",
        phone text COLLATE "C",
        external_id text COLLATE "C",
        first_name text,
        last_name text,
        properties jsonb NOT NULL DEFAULT '{}',
        created_cause bytea,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        PRIMARY KEY (organization_id, id)
      )`);
    await runner.query(`
      CREATE INDEX contact_by_first_name ON directory.contact (organization_id, (lower(first_name) COLLATE "C"))
        WHERE first_name IS NOT NULL`);
    await runner.query(`
      CREATE INDEX contact_by_last_name ON directory.contact (organization_id, (lower(last_name) COLLATE "C"))
        WHERE last_name IS NOT NULL`);

    await runner.query(`
      CREATE TABLE directory.identifier (
        organization_id uuid NOT NULL,
        kind smallint NOT NULL,
        value text COLLATE "C" NOT NULL,
        contact_id uuid NOT NULL,
        PRIMARY KEY (organization_id, kind, value)
      )`);
    await runner.query(`
      COMMENT ON COLUMN directory.identifier.kind IS '1 email (lower case), 2 phone (E.164), 3 external id'`);
    await runner.query(
      `CREATE INDEX identifier_of_contact ON directory.identifier (organization_id, contact_id)`,
    );

    await runner.query(`
      CREATE TABLE directory.contact_alias (
        organization_id uuid NOT NULL,
        id uuid NOT NULL,
        into_id uuid NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (organization_id, id)
      )`);
    await runner.query(
      `CREATE INDEX contact_alias_into ON directory.contact_alias (organization_id, into_id)`,
    );

    await runner.query(`
      CREATE TABLE directory.tombstone (
        organization_id uuid NOT NULL,
        id uuid NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (organization_id, id)
      )`);

    await runner.query(`
      CREATE TABLE directory.change (
        cause bytea PRIMARY KEY,
        organization_id uuid NOT NULL,
        contact_id uuid NOT NULL,
        at timestamptz NOT NULL
      )`);
    await runner.query(
      `COMMENT ON TABLE directory.change IS 'causes whose change has been made; purged once no cause can come again'`,
    );
    await runner.query(`CREATE INDEX change_at ON directory.change (at)`);

    await runner.query(`
      CREATE TABLE directory.outbox (
        sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id uuid NOT NULL,
        organization_id uuid NOT NULL,
        contact_id uuid NOT NULL,
        change text NOT NULL,
        into_id uuid,
        at timestamptz NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of [
      'outbox',
      'change',
      'tombstone',
      'contact_alias',
      'identifier',
      'contact',
      'api_key',
      'revision',
      'organization',
    ]) {
      await runner.query(`DROP TABLE directory.${table}`);
    }
  }
}
