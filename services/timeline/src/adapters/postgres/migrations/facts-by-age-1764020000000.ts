import type { MigrationInterface, QueryRunner } from '@trackline/postgres';

/**
 * Until the first ones are removed, facts stand nearly in the order of their times, so the smallest index there is finds those of a month, and those
 * past keeping. It costs writers next to nothing: a change of another column does not touch it. What it costs readers later: ADR 0144.
 */
const TABLES = ['conversation', 'order_fact', 'attribution'];

export class FactsByAge1764020000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(
        `CREATE INDEX ${table}_by_age ON timeline.${table} USING brin (occurred_at) WITH (autosummarize = on)`,
      );
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`DROP INDEX timeline.${table}_by_age`);
  }
}
