import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

export class CreateConnectors1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // A claim is a lease: it moves next_attempt_at behind itself, so that one whose process died is due again by itself.
    await runner.query(`
      CREATE TABLE connectors.delivery (
        id text COLLATE "C" PRIMARY KEY,
        sequence bigint GENERATED ALWAYS AS IDENTITY,
        organization_id uuid NOT NULL,
        contact_id uuid NOT NULL,
        workflow_id uuid NOT NULL,
        execution_id uuid NOT NULL,
        step_id text NOT NULL,
        visit integer NOT NULL,
        kind text NOT NULL,
        destination text COLLATE "C" NOT NULL,
        status text NOT NULL DEFAULT 'pending',
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz,
        lease uuid,
        action json,
        source_partition integer NOT NULL,
        source_offset bigint NOT NULL,
        redriven boolean NOT NULL,
        provider_message_id text,
        detail json,
        accepted_at timestamptz NOT NULL DEFAULT now(),
        ended_at timestamptz
      ) WITH (fillfactor = 80)`);
    await runner.query(`
      COMMENT ON COLUMN connectors.delivery.action IS 'what is to be sent; taken out at the end, so that nobody''s mail lies here for a month'`);
    await runner.query(`
      COMMENT ON COLUMN connectors.delivery.source_offset IS 'of the message that it last began with: the same message again does not begin it anew'`);
    await runner.query(`
      CREATE INDEX delivery_due ON connectors.delivery (kind, organization_id, destination, next_attempt_at)
        WHERE status = 'pending'`);
    await runner.query(
      `CREATE INDEX delivery_of_organization ON connectors.delivery (organization_id, status, sequence)`,
    );
    await runner.query(`CREATE INDEX delivery_of_execution ON connectors.delivery (execution_id)`);
    await runner.query(
      `CREATE INDEX delivery_ended ON connectors.delivery (ended_at) WHERE status <> 'pending'`,
    );

    // Whose turn it is: one row for each organisation and destination that has something pending.
    await runner.query(`
      CREATE TABLE connectors.queue (
        kind text NOT NULL,
        organization_id uuid NOT NULL,
        destination text COLLATE "C" NOT NULL,
        next_at timestamptz NOT NULL,
        PRIMARY KEY (kind, organization_id, destination)
      ) WITH (fillfactor = 50)`);
    await runner.query(`CREATE INDEX queue_next ON connectors.queue (kind, next_at)`);

    await runner.query(`
      CREATE TABLE connectors.outbox (
        sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        message json NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['outbox', 'queue', 'delivery']) await runner.query(`DROP TABLE connectors.${table}`);
  }
}
