import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/** Deliveries that no step of a workflow asked for: events that Meta is told of. */
export class Conversions1764400000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE connectors.delivery
        ALTER COLUMN workflow_id DROP NOT NULL, ALTER COLUMN execution_id DROP NOT NULL,
        ALTER COLUMN step_id DROP NOT NULL, ALTER COLUMN visit DROP NOT NULL,
        ADD COLUMN event_id uuid`);
    // Checked for what comes from now on: what is there was asked for by steps, and is not read through for it.
    await runner.query(`
      ALTER TABLE connectors.delivery ADD CONSTRAINT delivery_has_a_cause
        CHECK (event_id IS NOT NULL OR num_nulls(workflow_id, execution_id, step_id, visit) = 0) NOT VALID`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DELETE FROM connectors.delivery WHERE event_id IS NOT NULL');
    await runner.query(`
      ALTER TABLE connectors.delivery DROP CONSTRAINT delivery_has_a_cause, DROP COLUMN event_id,
        ALTER COLUMN workflow_id SET NOT NULL, ALTER COLUMN execution_id SET NOT NULL,
        ALTER COLUMN step_id SET NOT NULL, ALTER COLUMN visit SET NOT NULL`);
  }
}
