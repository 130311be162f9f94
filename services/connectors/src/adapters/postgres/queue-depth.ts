import type { Database } from '@trackline/postgres';

export interface QueueDepth {
  readonly kind: string;
  /** At most 100,000: past that it is much. */
  readonly pending: number;
  /** How long the lane that waits longest has been due. */
  readonly overdueSeconds: number;
}

/** What waits, by kind, for the measures. */
export async function queueDepth(database: Database): Promise<QueueDepth[]> {
  const { rows } = await database.query<{ kind: string; pending: number; overdue: number }>({
    text: `SELECT k.kind,
             (SELECT count(*) FROM (SELECT FROM connectors.delivery d WHERE d.status = 'pending' AND d.kind = k.kind LIMIT 100000) AS some) AS pending,
             greatest(0, extract(epoch FROM now() - (SELECT min(next_at) FROM connectors.lane l WHERE l.kind = k.kind)))::float8 AS overdue
           FROM (VALUES ('webhook'), ('email'), ('whatsapp'), ('sms')) AS k (kind)`,
  });
  return rows.map((row) => ({ kind: row.kind, pending: row.pending, overdueSeconds: row.overdue ?? 0 }));
}
