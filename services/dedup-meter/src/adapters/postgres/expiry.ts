import type { Database } from '@trackline/postgres';
import type { Expiring, ExpiryBook } from '../../ports.ts';

const BLOCK_BYTES = 8_192;

/** What is kept for how long, and by which moment it goes. Names are ours alone, so they may stand in the text of a statement. */
const MOMENT: Readonly<Record<Expiring, string>> = {
  event_identity: 'decided_at',
  unique_identity: 'received_at',
  dead_letter: 'decided_at',
};

/**
 * Sweeps a table in the order of its pages, a few at a time. No index over the moment is kept for it: every insert would pay for one,
 * while reading all pages once in a while costs no one anything. Rows that a judge is about to insert are locked by no chunk for long.
 */
export const expiryBook = (database: Database): ExpiryBook => ({
  async takeTurn(swept, everyMs) {
    const { rowCount } = await database.query({
      text: `UPDATE dedup_meter.sweep SET due_at = now() + $2 * interval '1 millisecond'
              WHERE swept = $1 AND due_at <= now()`,
      values: [swept, everyMs],
    });
    return rowCount === 1;
  },

  async parts(swept) {
    const { rows } = await database.query<{ part: string; blocks: number }>({
      text: `SELECT c.relname AS part, (pg_relation_size(c.oid) / $2)::int AS blocks
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname = 'dedup_meter' AND c.relkind = 'r'
                AND c.relname ~ ('^' || $1 || '(_[0-9]+)?$') ORDER BY c.relname`,
      values: [swept, BLOCK_BYTES],
    });
    return rows;
  },

  async remove(swept, part, fromBlock, toBlock, before) {
    const { rowCount } = await database.query({
      text: `DELETE FROM dedup_meter.${part}
              WHERE ctid >= $1::tid AND ctid < $2::tid AND ${MOMENT[swept]} < $3`,
      values: [`(${fromBlock},0)`, `(${toBlock},0)`, before],
    });
    return rowCount;
  },
});
