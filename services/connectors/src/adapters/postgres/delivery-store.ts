import { randomUUID } from 'node:crypto';
import type { AnyRequestedAction, RequestedAction } from '@trackline/contracts';
import type { Database } from '@trackline/postgres';
import type { ClaimedDelivery, NewDelivery } from '../../domain/delivery.ts';
import type { DeliveryStore } from '../../ports.ts';
import { advanceQueues, claimRows, lockQueues, type ClaimedRow } from './claim.ts';
import { wakeBehind } from './contact-lines.ts';
import { EndingWriter } from './ending-writer.ts';
import { toJson } from './json-text.ts';

/**
 * Deliveries first, queues after them and in order: every writer locks in this order, and a claim, which goes the other way round, waits
 * for nobody (SKIP LOCKED). An action that is there is left alone, unless it was given up and this is a later message that sends it back.
 */
const TAKE = `
  WITH put AS (
    INSERT INTO connectors.delivery AS d (id, organization_id, contact_id, workflow_id, execution_id, step_id, visit, kind,
      destination, action, source_partition, source_offset, redriven, event_id, next_attempt_at)
    SELECT id, organization_id, contact_id, workflow_id, execution_id, step_id, visit, kind, destination, action::json,
      source_partition, source_offset, redriven, event_id, now()
    FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::int[], $8::text[], $9::text[],
      $10::text[], $11::int[], $12::bigint[], $13::boolean[], $14::uuid[])
      AS i (id, organization_id, contact_id, workflow_id, execution_id, step_id, visit, kind, destination, action,
        source_partition, source_offset, redriven, event_id)
    ORDER BY id COLLATE "C"
    ON CONFLICT (id) DO UPDATE SET status = 'pending', attempts = 0, next_attempt_at = now(), accepted_at = now(), ended_at = NULL,
      lease = NULL, action = excluded.action, destination = excluded.destination, redriven = true,
      source_partition = excluded.source_partition, source_offset = excluded.source_offset
    WHERE d.status = 'failed' AND excluded.redriven
      AND (d.source_partition <> excluded.source_partition OR d.source_offset < excluded.source_offset)
    RETURNING d.kind, d.organization_id, d.destination
  ), queues AS (
    INSERT INTO connectors.queue AS l (kind, organization_id, destination, next_at)
    SELECT DISTINCT kind, organization_id, destination, now() FROM put ORDER BY 1, 2, 3
    ON CONFLICT (kind, organization_id, destination) DO UPDATE SET next_at = least(l.next_at, excluded.next_at)
  )
  SELECT count(*) AS taken FROM put
`;

const AGAIN = `
  WITH d AS (
    UPDATE connectors.delivery SET next_attempt_at = now() + $3 * interval '1 millisecond', lease = NULL, detail = $4
    WHERE id = $1 AND lease = $2
    RETURNING kind, organization_id, destination, next_attempt_at
  ), queues AS (
    INSERT INTO connectors.queue AS l (kind, organization_id, destination, next_at) SELECT * FROM d
    ON CONFLICT (kind, organization_id, destination) DO UPDATE SET next_at = least(l.next_at, excluded.next_at)
  )
  SELECT FROM d
`;

/** What the last attempt came to still stands. */
const PUT_BACK = AGAIN.replace('detail = $4', 'attempts = attempts - 1');

const PURGE = `
  DELETE FROM connectors.delivery WHERE id IN (
    SELECT id FROM connectors.delivery
    WHERE status <> 'pending' AND ended_at < now() - $1 * interval '1 millisecond' ORDER BY ended_at LIMIT $2)
`;

/** One claim after another that found nothing but what stands behind others: then the queues have their next turn. */
const CLAIMS_IN_A_ROW = 20;

export function deliveryStore(
  database: Database,
  onFault: (error: unknown) => void = () => undefined,
): DeliveryStore {
  const wake = (ids: readonly string[]) => wakeBehind(database, ids).catch(onFault);
  const endings = new EndingWriter(database, wake);
  return {
    async take(deliveries) {
      if (deliveries.length === 0) return 0;
      const { rows } = await database.query<{ taken: number }>({
        name: 'connectors.take',
        text: TAKE,
        values: toColumns(deliveries),
      });
      return rows[0]!.taken;
    },

    async claim({ kind, leaseMs, queues: limit, full, allot }) {
      for (let claims = 1; ; claims++) {
        // Before the database begins to count.
        const leaseEndsAtMs = Date.now() + leaseMs;
        const lease = randomUUID();
        const { rows, aside } = await database.transaction(async (tx) => {
          const queues = await lockQueues(tx, kind, limit, full());
          if (queues.length === 0) return { rows: [], aside: 0 };
          const claimed = await claimRows(tx, kind, allot(queues), { lease, leaseMs });
          await advanceQueues(tx, kind, queues);
          return claimed;
        });
        if (rows.length === 0 && aside > 0 && claims < CLAIMS_IN_A_ROW) continue;
        return rows.map((row) => fromRow(row, lease, leaseEndsAtMs));
      }
    },

    async again({ action, lease }, inMs, detail) {
      const { rowCount } = await database.query({
        name: 'connectors.again',
        text: AGAIN,
        values: [action.id, lease, Math.round(inMs), toJson(detail)],
      });
      // Only webhooks do not wait for one that is tried again.
      if (rowCount === 1 && action.kind === 'webhook') await wake([action.id]);
      return rowCount === 1;
    },

    async putBack({ action, lease }, inMs) {
      const { rowCount } = await database.query({
        name: 'connectors.put_back',
        text: PUT_BACK,
        values: [action.id, lease, Math.round(inMs)],
      });
      return rowCount === 1;
    },

    end: (delivery, ending) => endings.end(delivery, ending),

    async purge(olderThanMs, limit) {
      const { rowCount } = await database.query({
        name: 'connectors.purge',
        text: PURGE,
        values: [olderThanMs, limit],
      });
      return rowCount;
    },
  };
}

const fromRow = (row: ClaimedRow, lease: string, leaseEndsAtMs: number): ClaimedDelivery => ({
  action: row.action as AnyRequestedAction,
  destination: row.destination,
  source: { partition: row.source_partition, offset: row.source_offset },
  lease,
  leaseEndsAtMs,
  attempts: row.attempts,
  ageMs: row.age_ms,
});

const toColumns = (deliveries: readonly NewDelivery[]): unknown[] => [
  deliveries.map(({ action }) => action.id),
  deliveries.map(({ action }) => action.organizationId),
  deliveries.map(({ action }) => action.contactId),
  deliveries.map(({ action }) => stepOf(action)?.workflowId ?? null),
  deliveries.map(({ action }) => stepOf(action)?.executionId ?? null),
  deliveries.map(({ action }) => stepOf(action)?.stepId ?? null),
  deliveries.map(({ action }) => stepOf(action)?.visit ?? null),
  deliveries.map(({ action }) => action.kind),
  deliveries.map(({ destination }) => destination),
  deliveries.map(({ action }) => toJson(action)),
  deliveries.map(({ source }) => source.partition),
  deliveries.map(({ source }) => source.offset),
  deliveries.map(({ redriven }) => redriven),
  deliveries.map(({ action }) => (action.kind === 'conversion' ? action.eventId : null)),
];

/** `undefined`: no step of a workflow asked for it. */
const stepOf = (action: AnyRequestedAction): RequestedAction | undefined =>
  action.kind === 'conversion' ? undefined : action;
