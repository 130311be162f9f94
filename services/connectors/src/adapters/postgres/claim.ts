import type { ActionKind } from '@trackline/contracts';
import type { Queryable } from '@trackline/postgres';
import type { Queue } from '../../domain/allotment.ts';

interface QueueRow {
  organization_id: string;
  destination: string;
}

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

/** The first due ones of each queue, as many as were allotted, under the lease. Queues are held, so nobody else claims from them. */
export async function claimRows(
  tx: Queryable,
  kind: ActionKind,
  allotted: readonly { readonly queue: Queue; readonly take: number }[],
  { lease, leaseMs }: { readonly lease: string; readonly leaseMs: number },
): Promise<ClaimedRow[]> {
  if (allotted.length === 0) return [];
  const { rows } = await tx.query<ClaimedRow>({
    name: 'connectors.claim',
    text: `WITH due AS (
             SELECT d.id FROM unnest($2::uuid[], $3::text[], $4::int[]) AS l (organization_id, destination, take)
             CROSS JOIN LATERAL (
               SELECT id FROM connectors.delivery
               WHERE kind = $1 AND organization_id = l.organization_id AND destination = l.destination
                 AND status = 'pending' AND next_attempt_at <= now()
               ORDER BY next_attempt_at LIMIT l.take
               FOR UPDATE SKIP LOCKED
             ) d
           )
           UPDATE connectors.delivery d SET attempts = attempts + 1, lease = $5,
             next_attempt_at = now() + $6 * interval '1 millisecond'
           FROM due WHERE d.id = due.id
           RETURNING d.action, d.destination, d.source_partition, d.source_offset, d.attempts,
             (extract(epoch FROM now() - d.accepted_at) * 1000)::float8 AS age_ms`,
    values: [
      kind,
      allotted.map(({ queue }) => queue.organizationId),
      allotted.map(({ queue }) => queue.destination),
      allotted.map(({ take }) => take),
      lease,
      leaseMs,
    ],
  });
  return rows;
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
