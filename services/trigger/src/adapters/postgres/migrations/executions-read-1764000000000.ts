import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

const STATEMENTS = [
  // Lists go by status and start; a list of all statuses is one look per status. What runs is counted by step from the index alone.
  `CREATE INDEX execution_by_status ON trigger.execution (workflow_id, status, started_at, id)
     INCLUDE (step_id, workflow_version)`,
  `CREATE INDEX execution_of_organization ON trigger.execution (organization_id, status, started_at, id)`,
  `DROP INDEX trigger.execution_of_contact`,
  `CREATE INDEX execution_of_contact ON trigger.execution (contact_id, started_at, id)`,
  `DROP INDEX trigger.execution_of_workflow`,
  `DROP INDEX trigger.execution_running`,
  `DROP INDEX trigger.execution_gone_wrong`,
  // A row per partition, so that two owners of partitions never wait for each other's count.
  `CREATE TABLE trigger.tally (
     workflow_id uuid NOT NULL,
     day date NOT NULL,
     what text NOT NULL,
     reason text NOT NULL,
     partition integer NOT NULL,
     count bigint NOT NULL,
     PRIMARY KEY (workflow_id, day, what, reason, partition)
   ) WITH (fillfactor = 70)`,
  `COMMENT ON COLUMN trigger.tally.what IS 'started, resumed, refused, completed, failed, cancelled; reason: of refusals alone'`,
  `CREATE TABLE trigger.refusal (
     id uuid PRIMARY KEY,
     workflow_id uuid NOT NULL,
     partition integer NOT NULL,
     contact_id uuid NOT NULL,
     event_id uuid,
     reason text NOT NULL,
     at timestamptz NOT NULL
   )`,
  `CREATE INDEX refusal_of_workflow ON trigger.refusal (workflow_id, partition, id)`,
];

const BACK = [
  `DROP TABLE trigger.refusal`,
  `DROP TABLE trigger.tally`,
  `CREATE INDEX execution_of_workflow ON trigger.execution (workflow_id, id)`,
  `CREATE INDEX execution_running ON trigger.execution (workflow_id, id) WHERE ended_at IS NULL`,
  `CREATE INDEX execution_gone_wrong ON trigger.execution (workflow_id, id) WHERE status IN ('failed', 'cancelled')`,
  `DROP INDEX trigger.execution_of_contact`,
  `CREATE INDEX execution_of_contact ON trigger.execution (contact_id, workflow_id, id)`,
  `DROP INDEX trigger.execution_of_organization`,
  `DROP INDEX trigger.execution_by_status`,
];

/** Executions as they are listed and counted. */
export class ExecutionsRead1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of BACK) await runner.query(statement);
  }
}
