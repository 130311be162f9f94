import type { Database } from '@trackline/postgres';
import type { Message, Outbox } from '../../ports.ts';

/** Rows are held while they are published: what this process does not get to, another does. */
export const outbox = (database: Database): Outbox => ({
  relay: (limit, publish) =>
    database.transaction(async (tx) => {
      const { rows } = await tx.query<{ sequence: number; message: Message }>({
        name: 'connectors.outbox',
        text: `SELECT sequence, message FROM connectors.outbox ORDER BY sequence LIMIT $1 FOR UPDATE SKIP LOCKED`,
        values: [limit],
      });
      if (rows.length === 0) return 0;
      await publish(rows.map(({ message }) => message));
      await tx.query({
        name: 'connectors.published',
        text: `DELETE FROM connectors.outbox WHERE sequence = ANY ($1::bigint[])`,
        values: [rows.map(({ sequence }) => sequence)],
      });
      return rows.length;
    }),
});
