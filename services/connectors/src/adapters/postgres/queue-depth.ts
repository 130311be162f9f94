import { ACTION_KINDS } from '@trackline/contracts';
import type { Database } from '@trackline/postgres';

/** Counting goes so far: past it, it is much. */
const MOST = 100_000;

/** By kind: how many deliveries have not ended. */
export async function pendingByKind(database: Database): Promise<Map<string, number>> {
  const { rows } = await database.query<{ kind: string; value: number }>({
    text: `SELECT kind, (
             SELECT count(*) FROM (
               SELECT FROM connectors.delivery d WHERE d.status = 'pending' AND d.kind = k.kind LIMIT ${MOST}) AS first
           ) AS value
           FROM unnest($1::text[]) AS k (kind)`,
    values: [ACTION_KINDS],
  });
  return new Map(rows.map(({ kind, value }) => [kind, value]));
}

/** By kind: for how many seconds the organisation and destination that waits longest has been due. */
export async function overdueByKind(database: Database): Promise<Map<string, number>> {
  const { rows } = await database.query<{ kind: string; value: number | null }>({
    text: `SELECT kind, extract(epoch FROM now() - (
             SELECT min(next_at) FROM connectors.queue l WHERE l.kind = k.kind))::float8 AS value
           FROM unnest($1::text[]) AS k (kind)`,
    values: [ACTION_KINDS],
  });
  return new Map(rows.map(({ kind, value }) => [kind, Math.max(0, value ?? 0)]));
}
