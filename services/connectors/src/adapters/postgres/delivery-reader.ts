import { DELIVERY_STATUSES, type ActionKind, type DeliveryStatus } from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import type { Database } from '@trackline/postgres';
import type { DeliveryRecord } from '../../domain/delivery.ts';
import type { DeliveryReader } from '../../ports.ts';

interface DeliveryRow {
  id: string;
  sequence: number;
  kind: ActionKind;
  status: DeliveryStatus;
  destination: string;
  contact_id: string;
  workflow_id: string | null;
  execution_id: string | null;
  step_id: string | null;
  visit: number | null;
  event_id: string | null;
  attempts: number;
  accepted_at: Date;
  next_attempt_at: Date | null;
  ended_at: Date | null;
  provider_message_id: string | null;
  detail: unknown;
}

const COLUMNS = `id, sequence, kind, status, destination, contact_id, workflow_id, execution_id, step_id, visit, event_id, attempts, accepted_at,
  next_attempt_at, ended_at, provider_message_id, detail`;
const LAST = Number.MAX_SAFE_INTEGER;

/** A page costs as many rows as it shows, whatever is asked for: one stretch of the index for each status. */
const LIST = `
  SELECT d.* FROM unnest($2::text[]) AS s (status)
  CROSS JOIN LATERAL (
    SELECT ${COLUMNS} FROM connectors.delivery
    WHERE organization_id = $1 AND status = s.status AND sequence < $3 ORDER BY sequence DESC LIMIT $4
  ) d
  ORDER BY d.sequence DESC LIMIT $4
`;
const LIST_OF_EXECUTION = `
  SELECT ${COLUMNS} FROM connectors.delivery
  WHERE organization_id = $1 AND execution_id = $5 AND status = ANY ($2::text[]) AND sequence < $3
  ORDER BY sequence DESC LIMIT $4
`;

export const deliveryReader = (database: Database): DeliveryReader => ({
  async list(organizationId, { status, executionId, before = LAST, limit }) {
    if (executionId !== undefined && !isUuid(executionId)) return [];
    const { rows } = await database.query<DeliveryRow>({
      text: executionId === undefined ? LIST : LIST_OF_EXECUTION,
      values: [
        organizationId,
        status === undefined ? DELIVERY_STATUSES : [status],
        before,
        limit,
        ...(executionId === undefined ? [] : [executionId]),
      ],
    });
    return rows.map(fromRow);
  },

  async find(organizationId, id) {
    const { rows } = await database.query<DeliveryRow>({
      text: `SELECT ${COLUMNS} FROM connectors.delivery WHERE id = $2 AND organization_id = $1`,
      values: [organizationId, id],
    });
    return rows[0] && fromRow(rows[0]);
  },
});

/** A row has the one or the other: the table sees to it. */
const causeFromRow = (row: DeliveryRow): DeliveryRecord['cause'] =>
  row.event_id === null
    ? {
        workflowId: row.workflow_id!,
        executionId: row.execution_id!,
        stepId: row.step_id!,
        visit: row.visit!,
      }
    : { eventId: row.event_id };

const fromRow = (row: DeliveryRow): DeliveryRecord => ({
  id: row.id,
  sequence: row.sequence,
  kind: row.kind,
  status: row.status,
  destination: row.destination,
  contactId: row.contact_id,
  cause: causeFromRow(row),
  attempts: row.attempts,
  acceptedAt: row.accepted_at,
  nextAttemptAt: row.next_attempt_at,
  endedAt: row.ended_at,
  providerMessageId: row.provider_message_id,
  detail: row.detail,
});
