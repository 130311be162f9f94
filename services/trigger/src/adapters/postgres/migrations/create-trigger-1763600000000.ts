import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

const STATEMENTS = [
  // How often an organisation's workflows have changed: what every cache of them is held against.
  `CREATE TABLE trigger.organization_version (
     organization_id uuid PRIMARY KEY,
     version bigint NOT NULL
   )`,
  `CREATE TABLE trigger.workflow (
     id uuid PRIMARY KEY,
     organization_id uuid NOT NULL,
     name text NOT NULL,
     status text NOT NULL CHECK (status IN ('draft', 'enabled', 'paused', 'archived')),
     version integer NOT NULL,
     created_at timestamptz NOT NULL,
     updated_at timestamptz NOT NULL
   )`,
  `CREATE INDEX workflow_of_organization ON trigger.workflow (organization_id, id)`,
  // json, not jsonb: a definition is given back as it was sent.
  `CREATE TABLE trigger.workflow_version (
     workflow_id uuid NOT NULL REFERENCES trigger.workflow,
     version integer NOT NULL,
     organization_id uuid NOT NULL,
     definition json NOT NULL,
     wait_event_names text[] NOT NULL,
     created_at timestamptz NOT NULL,
     PRIMARY KEY (workflow_id, version)
   )`,
  `CREATE INDEX waiting_version ON trigger.workflow_version (organization_id) WHERE wait_event_names <> '{}'`,
  // No index on what changes with each step, so that most updates stay within their page.
  `CREATE TABLE trigger.execution (
     id uuid PRIMARY KEY,
     organization_id uuid NOT NULL,
     workflow_id uuid NOT NULL,
     workflow_version integer NOT NULL,
     contact_id uuid NOT NULL,
     partition integer NOT NULL,
     status text NOT NULL,
     reason text,
     step_id text,
     visits integer NOT NULL,
     revision integer NOT NULL,
     waits_for text[] NOT NULL,
     due_at timestamptz,
     entered_at timestamptz NOT NULL,
     trigger jsonb NOT NULL,
     resumes jsonb NOT NULL,
     latest_resume text,
     started_at timestamptz NOT NULL,
     moved_at timestamptz NOT NULL,
     ended_at timestamptz,
     sole boolean NOT NULL
   ) WITH (fillfactor = 85)`,
  `CREATE INDEX execution_of_workflow ON trigger.execution (workflow_id, id)`,
  `CREATE INDEX execution_of_contact ON trigger.execution (contact_id, workflow_id, id)`,
  `CREATE INDEX execution_running ON trigger.execution (workflow_id, id) WHERE ended_at IS NULL`,
  `CREATE INDEX execution_gone_wrong ON trigger.execution (workflow_id, id) WHERE status IN ('failed', 'cancelled')`,
  `CREATE UNIQUE INDEX execution_sole ON trigger.execution (workflow_id, contact_id) WHERE sole AND ended_at IS NULL`,
  `CREATE TABLE trigger.step (
     execution_id uuid NOT NULL,
     visit integer NOT NULL,
     step_id text NOT NULL,
     type text NOT NULL,
     status text NOT NULL,
     branch text,
     started_at timestamptz NOT NULL,
     ended_at timestamptz,
     detail jsonb,
     PRIMARY KEY (execution_id, visit)
   )`,
  // By contact and event first: what one event has to look at does not grow with the waits of others.
  `CREATE TABLE trigger.wait (
     organization_id uuid NOT NULL,
     contact_id uuid NOT NULL,
     event_name text NOT NULL,
     execution_id uuid NOT NULL,
     PRIMARY KEY (organization_id, contact_id, event_name, execution_id)
   )`,
  `CREATE TABLE trigger.timer (
     execution_id uuid PRIMARY KEY,
     partition integer NOT NULL,
     kind text NOT NULL CHECK (kind IN ('timeout', 'delay', 'turn')),
     awaits_frontier boolean GENERATED ALWAYS AS (kind = 'timeout') STORED,
     due_at timestamptz NOT NULL
   )`,
  `CREATE INDEX timer_due ON trigger.timer (partition, awaits_frontier, due_at)`,
  `CREATE TABLE trigger.position (
     topic text NOT NULL,
     partition integer NOT NULL,
     source text NOT NULL,
     source_offset bigint NOT NULL,
     PRIMARY KEY (topic, partition, source)
   ) WITH (fillfactor = 50)`,
  `CREATE TABLE trigger.handled (
     event_id uuid PRIMARY KEY,
     workflows_triggered integer NOT NULL,
     executions_resumed integer NOT NULL,
     handled_at timestamptz NOT NULL
   )`,
  `CREATE INDEX handled_by_age ON trigger.handled (handled_at)`,
  `CREATE TABLE trigger.outbox (
     id uuid PRIMARY KEY,
     partition integer NOT NULL,
     kind text NOT NULL CHECK (kind IN ('progress', 'contact_update')),
     body json NOT NULL
   )`,
  `CREATE INDEX outbox_of_partition ON trigger.outbox (partition, id)`,
];

export class CreateTrigger1763600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of [
      'outbox',
      'handled',
      'position',
      'timer',
      'wait',
      'step',
      'execution',
      'workflow_version',
      'workflow',
      'organization_version',
    ])
      await runner.query(`DROP TABLE trigger.${table}`);
  }
}
