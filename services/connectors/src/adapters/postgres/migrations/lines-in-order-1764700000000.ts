import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/**
 * Who is first in a line is read from one index as it stands, however long the line is. There is no other index by which the planner could
 * come to what is pending of a contact: it would read and sort all of it.
 */
export class LinesInOrder1764700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX delivery_in_line ON connectors.delivery
        (contact_id, destination, accepted_at, source_offset) WHERE status = 'pending'`);
    await runner.query(`
      CREATE INDEX delivery_ended_of_contact ON connectors.delivery (contact_id) WHERE status <> 'pending'`);
    for (const index of ['delivery_line', 'delivery_of_contact'])
      await runner.query(`DROP INDEX connectors.${index}`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX delivery_line ON connectors.delivery
        (organization_id, contact_id, kind, destination, accepted_at, source_offset) WHERE status = 'pending'`);
    await runner.query(`CREATE INDEX delivery_of_contact ON connectors.delivery (contact_id)`);
    for (const index of ['delivery_in_line', 'delivery_ended_of_contact'])
      await runner.query(`DROP INDEX connectors.${index}`);
  }
}
