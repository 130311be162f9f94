import type { Database } from '@trackline/postgres';
import { HOUR_MS } from '../../../domain/attribution.ts';
import { dayOf } from '../../../domain/figures.ts';
import type { FactSweep } from '../../../ports.ts';

/** Some milliseconds of work, so that nobody waits for long. */
const PAGE = 5_000;

/** Rows that a writer has in its hands are left for the next run: nobody waits for the other. */
const pageOf = (table: string, where: string, page: number): string => `
  DELETE FROM timeline.${table} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM timeline.${table} WHERE ${where} LIMIT ${page} FOR UPDATE SKIP LOCKED
  ))
`;

/**
 * Sums first: whatever is told of an old message or order meanwhile moves sums that nobody reads any more, and that the next run removes. A
 * conversation stays as long as an order that is kept can have been earned by it: for the longest window that any organisation has.
 */
export const factSweep = (database: Database, page: number = PAGE): FactSweep => ({
  async removeSome(beforeMs) {
    const rollups = await removeRollups(database, dayOf(beforeMs), page);
    if (rollups > 0) return rollups;
    const before = new Date(beforeMs).toISOString();
    const facts = [
      ['attribution', before],
      ['order_fact', before],
      ['conversation', new Date(beforeMs - (await longestWindowMs(database))).toISOString()],
    ] as const;
    for (const [table, bound] of facts) {
      const { rowCount } = await database.query({
        text: pageOf(table, 'occurred_at < $1', page),
        values: [bound],
      });
      if (rowCount > 0) return rowCount;
    }
    return 0;
  },
});

const ROLLUPS = {
  conversation_rollup: 'one.organization_id = known.organization_id',
  order_rollup: 'one.organization_id = known.organization_id AND one.edition = known.edition',
} as const;

/** By organisation and edition, as their keys begin: their days have no index of their own. */
async function removeRollups(database: Database, day: string, page: number): Promise<number> {
  for (const [table, ofEdition] of Object.entries(ROLLUPS)) {
    const { rowCount } = await database.query({
      text: `
        DELETE FROM timeline.${table} WHERE ctid = ANY (ARRAY(
          SELECT old.ctid FROM timeline.edition AS known CROSS JOIN LATERAL (
            SELECT one.ctid FROM timeline.${table} AS one WHERE ${ofEdition} AND one.day < $1 LIMIT ${page} FOR UPDATE SKIP LOCKED
          ) AS old LIMIT ${page}
        ))
      `,
      values: [day],
    });
    if (rowCount > 0) return rowCount;
  }
  return 0;
}

async function longestWindowMs(database: Database): Promise<number> {
  const { rows } = await database.query<{ hours: number | null }>({
    text: `SELECT max(window_hours) AS hours FROM timeline.edition WHERE state IN ('current', 'building')`,
  });
  return (rows[0]?.hours ?? 0) * HOUR_MS;
}
