import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

const STATEMENTS = [
  `ALTER TABLE trigger.execution
     ADD COLUMN requested jsonb NOT NULL DEFAULT '{}',
     ADD COLUMN taken jsonb NOT NULL DEFAULT '[]',
     ADD COLUMN retry_from text`,
  // Names of events that waits of this version look back for, and for how many seconds.
  `ALTER TABLE trigger.workflow_version ADD COLUMN looked_back jsonb NOT NULL DEFAULT '{}'`,
  `CREATE INDEX version_looking_back ON trigger.workflow_version (organization_id) WHERE looked_back <> '{}'`,
  `ALTER TABLE trigger.outbox DROP CONSTRAINT outbox_kind_check`,
  `ALTER TABLE trigger.outbox ADD CONSTRAINT outbox_kind_check
     CHECK (kind IN ('progress', 'contact_update', 'subscription', 'action'))`,
  // A row per partition, so that two owners of partitions never wait for each other's count.
  `CREATE TABLE trigger.running (
     workflow_id uuid NOT NULL,
     partition integer NOT NULL,
     count bigint NOT NULL,
     PRIMARY KEY (workflow_id, partition)
   ) WITH (fillfactor = 50)`,
  `INSERT INTO trigger.running (workflow_id, partition, count)
     SELECT workflow_id, partition, count(*) FROM trigger.execution WHERE ended_at IS NULL GROUP BY 1, 2`,
  // Of workflows with a cooldown or a delay before a contact may enter again.
  `CREATE TABLE trigger.entry (
     workflow_id uuid NOT NULL,
     contact_id uuid NOT NULL,
     started_at timestamptz,
     ended_at timestamptz,
     forget_at timestamptz NOT NULL,
     PRIMARY KEY (workflow_id, contact_id)
   )`,
  `CREATE INDEX entry_to_forget ON trigger.entry (forget_at)`,
  `CREATE TABLE trigger.remembered (
     organization_id uuid NOT NULL,
     contact_id uuid NOT NULL,
     event_name text NOT NULL,
     event_id uuid NOT NULL,
     properties jsonb NOT NULL,
     received_at timestamptz NOT NULL,
     forget_at timestamptz NOT NULL,
     PRIMARY KEY (organization_id, contact_id, event_name, event_id)
   )`,
  `CREATE INDEX remembered_to_forget ON trigger.remembered (forget_at)`,
];

const BACK = [
  `DROP TABLE trigger.remembered`,
  `DROP TABLE trigger.entry`,
  `DROP TABLE trigger.running`,
  `DELETE FROM trigger.outbox WHERE kind IN ('subscription', 'action')`,
  `ALTER TABLE trigger.outbox DROP CONSTRAINT outbox_kind_check`,
  `ALTER TABLE trigger.outbox ADD CONSTRAINT outbox_kind_check CHECK (kind IN ('progress', 'contact_update'))`,
  `ALTER TABLE trigger.workflow_version DROP COLUMN looked_back`,
  `ALTER TABLE trigger.execution DROP COLUMN requested, DROP COLUMN taken, DROP COLUMN retry_from`,
];

/** What deciding asks for: who may enter, what waits look back for, what steps have requested. */
export class EngineFacts1764100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of BACK) await runner.query(statement);
  }
}
