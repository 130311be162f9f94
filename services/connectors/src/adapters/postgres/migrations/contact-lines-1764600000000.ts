import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/** What one contact gets by one way stands in a line: found from whoever is before, and from whoever is behind. */
export class ContactLines1764600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX delivery_line ON connectors.delivery
        (organization_id, contact_id, kind, destination, accepted_at, source_offset) WHERE status = 'pending'`);
    await runner.query(`CREATE INDEX delivery_of_contact ON connectors.delivery (contact_id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const index of ['delivery_line', 'delivery_of_contact'])
      await runner.query(`DROP INDEX connectors.${index}`);
  }
}
