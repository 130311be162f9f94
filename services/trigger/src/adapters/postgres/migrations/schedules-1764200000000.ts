import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

const STATEMENTS = [
  // Of enabled workflows with a schedule: moved in the transaction that changes the workflow.
  `CREATE TABLE trigger.schedule (
     workflow_id uuid PRIMARY KEY,
     organization_id uuid NOT NULL,
     due_at timestamptz NOT NULL
   )`,
  `CREATE INDEX schedule_due ON trigger.schedule (due_at)`,
  // One due time of one workflow, and how far through the organisation's contacts it has been gone.
  `CREATE TABLE trigger.schedule_run (
     workflow_id uuid NOT NULL,
     due_at timestamptz NOT NULL,
     organization_id uuid NOT NULL,
     cursor text,
     started bigint NOT NULL DEFAULT 0,
     refused bigint NOT NULL DEFAULT 0,
     claimed_until timestamptz NOT NULL,
     finished_at timestamptz,
     PRIMARY KEY (workflow_id, due_at)
   )`,
  `CREATE INDEX schedule_run_open ON trigger.schedule_run (claimed_until) WHERE finished_at IS NULL`,
  `CREATE INDEX schedule_run_finished ON trigger.schedule_run (finished_at) WHERE finished_at IS NOT NULL`,
  // A change of status gives executions their turn in chunks: how far that has come, for each status that it concerns.
  `CREATE TABLE trigger.turn_round (
     workflow_id uuid NOT NULL,
     status text NOT NULL,
     after_started_at timestamptz NOT NULL DEFAULT '-infinity',
     after_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
     PRIMARY KEY (workflow_id, status)
   )`,
];

/** When workflows with a schedule are due, and how far a due time has been carried out. */
export class Schedules1764200000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['turn_round', 'schedule_run', 'schedule'])
      await runner.query(`DROP TABLE trigger.${table}`);
  }
}
