import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/** Clicks on ads by which contacts came into a chat, of numbers whose conversions Meta is told of. */
export class ConversionFeedback1764400000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE directory.ad_click (
        organization_id uuid NOT NULL,
        contact_id uuid NOT NULL,
        ctwa_clid text COLLATE "C" NOT NULL,
        phone_number_id text COLLATE "C" NOT NULL,
        clicked_at timestamptz NOT NULL,
        PRIMARY KEY (organization_id, contact_id, ctwa_clid)
      )`);
    await runner.query(`
      COMMENT ON COLUMN directory.ad_click.contact_id IS 'whoever it was of then: readers look for the aliases of a contact too'`);
    await runner.query(`CREATE INDEX ad_click_at ON directory.ad_click (clicked_at)`);
    // Looked at by every trigger every few seconds: as small as the number of those that have it on.
    await runner.query(
      `CREATE INDEX channel_with_feedback ON directory.channel (organization_id) WHERE conversion_feedback`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX directory.channel_with_feedback');
    await runner.query('DROP TABLE directory.ad_click');
  }
}
