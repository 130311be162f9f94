import type { AnyRequestedAction } from '@trackline/contracts';
import type { Database } from '@trackline/postgres';
import type { ErasedDeliveries } from '../../ports.ts';
import { toJson } from './json-text.ts';

/** Deliveries that one transaction ends. */
const ENDED_PER_CHUNK = 200;

interface PendingRow {
  id: string;
  action: AnyRequestedAction;
  attempts: number;
}

/** An attempt that is under way loses its lease, and settles nothing. Locked in the order in which every writer locks. */
const PENDING = `
  SELECT id, action, attempts FROM connectors.delivery
  WHERE contact_id = ANY ($2::uuid[]) AND organization_id = $1 AND status = 'pending'
  ORDER BY id LIMIT ${ENDED_PER_CHUNK} FOR UPDATE
`;

const END = `
  WITH ended AS (
    UPDATE connectors.delivery SET status = 'failed', detail = $2::json, ended_at = now(), next_attempt_at = NULL, lease = NULL,
      action = NULL, provider_message_id = NULL
    WHERE id = ANY ($1::text[])
  )
  INSERT INTO connectors.outbox (message) SELECT m::json FROM unnest($3::text[]) AS m
`;

/** What destinations said, and how they name what they took. */
const CLEAR = `
  UPDATE connectors.delivery d SET detail = NULL, provider_message_id = NULL
  FROM (SELECT id FROM connectors.delivery
        WHERE contact_id = ANY ($2::uuid[]) AND organization_id = $1 AND status <> 'pending'
          AND (provider_message_id IS NOT NULL OR detail->>'reason' IS DISTINCT FROM 'contact_erased' AND detail IS NOT NULL)
        ORDER BY id LIMIT ${ENDED_PER_CHUNK} FOR UPDATE) AS picked
  WHERE d.id = picked.id
`;

export const erasedDeliveries = (database: Database): ErasedDeliveries => ({
  async end({ organizationId, contactIds }, toEnding) {
    for (;;) {
      const ended = await database.transaction(async (tx) => {
        const { rows } = await tx.query<PendingRow>({
          name: 'connectors.pending_of_contact',
          text: PENDING,
          values: [organizationId, contactIds],
        });
        if (rows.length === 0) return 0;
        const { detail, messages } = toEnding(rows);
        await tx.query({
          name: 'connectors.end_erased',
          text: END,
          values: [rows.map(({ id }) => id), toJson(detail), messages.map(toJson)],
        });
        return rows.length;
      });
      if (ended < ENDED_PER_CHUNK) return;
    }
  },

  async clear({ organizationId, contactIds }) {
    for (;;) {
      const { rowCount } = await database.query({
        name: 'connectors.clear_erased',
        text: CLEAR,
        values: [organizationId, contactIds],
      });
      if (rowCount < ENDED_PER_CHUNK) return;
    }
  },
});
