import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/** What contacts want to hear of, and what brought a change of a contact about. */
export class Subscriptions1764100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE directory.subscription (
        organization_id uuid NOT NULL,
        contact_id uuid NOT NULL,
        topic_id text COLLATE "C" NOT NULL,
        channel text NOT NULL,
        subscribed boolean NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (organization_id, contact_id, topic_id, channel)
      )`);
    await runner.query(`
      COMMENT ON COLUMN directory.subscription.channel IS 'empty: all channels that have no row of their own'`);
    await runner.query(`
      ALTER TABLE directory.outbox ADD COLUMN topic_id text, ADD COLUMN channel text, ADD COLUMN cause text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE directory.outbox DROP COLUMN topic_id, DROP COLUMN channel, DROP COLUMN cause',
    );
    await runner.query('DROP TABLE directory.subscription');
  }
}
