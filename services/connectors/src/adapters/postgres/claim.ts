import type { ActionKind } from '@trackline/contracts';
import type { Queryable } from '@trackline/postgres';
import type { Queue } from '../../domain/allotment.ts';
import { AHEAD } from './contact-lines.ts';

interface QueueRow {
  organization_id: string;
  destination: string;
}

/** Rows that a claim looks at beside those that it may take: those of them that stand behind another are put aside. */
const LOOKED_AT_BESIDE = 32;

export interface ClaimedRow {
  action: unknown;
  destination: string;
  source_partition: number;
  source_offset: number;
  attempts: number;
  age_ms: number;
}

/** Queues whose turn it is, for this transaction alone; those that can take nothing more here are passed over. */
export async function lockQueues(
  tx: Queryable,
  kind: ActionKind,
  limit: number,
  full: { readonly organizations: readonly string[]; readonly queues: readonly Queue[] },
): Promise<Queue[]> {
  const { rows } = await tx.query<QueueRow>({
    name: 'connectors.lock_queues',
    text: `SELECT organization_id, destination FROM connectors.queue l
           WHERE kind = $1 AND next_at <= now() AND organization_id <> ALL ($2::uuid[])
             AND NOT EXISTS (SELECT FROM unnest($3::uuid[], $4::text[]) AS f (organization_id, destination)
               WHERE f.organization_id = l.organization_id AND f.destination = l.destination)
           ORDER BY next_at LIMIT $5 FOR UPDATE SKIP LOCKED`,
    values: [
      kind,
      full.organizations,
      full.queues.map((queue) => queue.organizationId),
      full.queues.map((queue) => queue.destination),
      limit,
    ],
  });
  return rows.map((row) => ({ organizationId: row.organization_id, destination: row.destination }));
}

/**
 * The first due ones of each queue, as many as were allotted, under the lease. Queues are held, so nobody else claims from them. One that
 * stands behind another of its contact is put aside: it is woken when that one ends, and looks by itself when that one is looked at. Gives
 * how many were put aside, too.
 */
export async function claimRows(
  tx: Queryable,
  kind: ActionKind,
  allotted: readonly { readonly queue: Queue; readonly take: number }[],
  { lease, leaseMs }: { readonly lease: string; readonly leaseMs: number },
): Promise<{ readonly rows: ClaimedRow[]; readonly aside: number }> {
  if (allotted.length === 0) return { rows: [], aside: 0 };
  const { rows } = await tx.query<{ aside: number } & (ClaimedRow | { attempts: null })>({
    name: 'connectors.claim',
    text: `WITH due AS (
             SELECT d.*, l.take, ${AHEAD} AS ahead
             FROM unnest($2::uuid[], $3::text[], $4::int[]) AS l (organization_id, destination, take)
             CROSS JOIN LATERAL (
               SELECT id, organization_id, contact_id, kind, destination, accepted_at, source_offset, next_attempt_at
               FROM connectors.delivery
               WHERE kind = $1 AND organization_id = l.organization_id AND destination = l.destination
                 AND status = 'pending' AND next_attempt_at <= now()
               ORDER BY next_attempt_at LIMIT l.take + ${LOOKED_AT_BESIDE}
               FOR UPDATE SKIP LOCKED
             ) d
           ), first AS (
             SELECT id, take, row_number() OVER (
               PARTITION BY organization_id, destination ORDER BY next_attempt_at, source_offset) AS n
             FROM due WHERE ahead IS NULL
           ), aside AS (
             UPDATE connectors.delivery d SET next_attempt_at = greatest(due.ahead, now() + $6 * interval '1 millisecond')
             FROM due WHERE d.id = due.id AND due.ahead IS NOT NULL RETURNING d.id
           ), claimed AS (
             UPDATE connectors.delivery d SET attempts = attempts + 1, lease = $5,
               next_attempt_at = now() + $6 * interval '1 millisecond'
             FROM first WHERE d.id = first.id AND first.n <= first.take
             RETURNING d.action, d.destination, d.source_partition, d.source_offset, d.attempts,
               (extract(epoch FROM now() - d.accepted_at) * 1000)::float8 AS age_ms
           )
           SELECT (SELECT count(*)::int FROM aside) AS aside, c.* FROM (SELECT) AS one LEFT JOIN claimed c ON true`,
    values: [
      kind,
      allotted.map(({ queue }) => queue.organizationId),
      allotted.map(({ queue }) => queue.destination),
      allotted.map(({ take }) => take),
      lease,
      leaseMs,
    ],
  });
  return { rows: rows.filter((row) => row.attempts !== null), aside: rows[0]!.aside };
}

/**
 * Each queue's next turn: when its next delivery is due, and not before the queues that were not looked at. A queue without one goes;
 * whoever adds to it waits for this transaction and makes it anew.
 */
export async function advanceQueues(
  tx: Queryable,
  kind: ActionKind,
  queues: readonly Queue[],
): Promise<void> {
  await tx.query({
    name: 'connectors.advance_queues',
    text: `WITH turn AS (
             SELECT l.organization_id, l.destination, (
               SELECT min(next_attempt_at) FROM connectors.delivery d
               WHERE d.kind = $1 AND d.organization_id = l.organization_id AND d.destination = l.destination AND d.status = 'pending'
             ) AS at
             FROM unnest($2::uuid[], $3::text[]) AS l (organization_id, destination)
           ), gone AS (
             DELETE FROM connectors.queue l USING turn t
             WHERE l.kind = $1 AND l.organization_id = t.organization_id AND l.destination = t.destination AND t.at IS NULL
           )
           UPDATE connectors.queue l SET next_at = greatest(t.at, clock_timestamp()) FROM turn t
           WHERE l.kind = $1 AND l.organization_id = t.organization_id AND l.destination = t.destination AND t.at IS NOT NULL`,
    values: [kind, queues.map((queue) => queue.organizationId), queues.map((queue) => queue.destination)],
  });
}
