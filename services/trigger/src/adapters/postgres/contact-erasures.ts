import type { Database } from '@trackline/postgres';
import type { ContactErasures, ContactRef } from '../../ports.ts';
import { EXECUTION_COLUMNS, fromExecutionRow, type ExecutionRow } from './execution-rows.ts';

/** Executions that one transaction clears. */
const CLEARED_PER_CHUNK = 200;
const UNSETTLED_AT_ONCE = 50;
/** So long what had begun before the erasure may still be stored. */
const SETTLED_AFTER = `interval '1 minute'`;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** What of a step's detail says nothing about a person. An action that is not named here is not found by its completion any more. */
const KEPT_DETAILS = [
  'reason',
  'kind',
  'waitsFor',
  'until',
  'held',
  'heldUntil',
  'endedBy',
  'eventId',
  'eventName',
  'receivedAt',
  'markAs',
  'topicId',
  'channel',
  'subscribed',
  'missing',
  'field',
  'operator',
];

/** Reasons in words of our own. Any other is the text of a fault, which may quote what it stumbled over. */
const KEPT_REASONS = [
  'no_contact',
  'no_address',
  'too_long',
  'empty',
  'not_linked',
  'the contact does not exist any more',
  'the contact was erased',
  'cancelled by hand',
  'the workflow was paused',
  'the workflow was archived',
];

const EMPTIED = (event: string): string =>
  `jsonb_build_object('eventId', ${event}->'eventId', 'name', ${event}->'name', 'properties', '{}'::jsonb)`;

/** Nothing is left that it could be tried again with. */
const CLEAR = `
  WITH picked AS (
    SELECT id FROM trigger.execution WHERE contact_id = $2 AND organization_id = $1 AND ended_at IS NOT NULL AND id > $3
    ORDER BY id LIMIT ${CLEARED_PER_CHUNK} FOR UPDATE
  ), cleared AS (
    UPDATE trigger.execution e SET revision = e.revision + 1, retry_from = NULL, trigger = ${EMPTIED('e.trigger')},
      resumes = (SELECT coalesce(jsonb_object_agg(r.key, ${EMPTIED('r.value')}), '{}') FROM jsonb_each(e.resumes) AS r),
      reason = CASE WHEN e.reason LIKE 'the engine could not go on%' THEN 'the engine could not go on' ELSE e.reason END
    FROM picked WHERE e.id = picked.id
  ), steps AS (
    UPDATE trigger.step s SET detail = (
      SELECT jsonb_object_agg(d.key, d.value) FROM jsonb_each(s.detail) AS d
      WHERE d.key = ANY ($4::text[]) AND (d.key <> 'reason' OR d.value #>> '{}' = ANY ($5::text[])))
    FROM picked WHERE s.execution_id = picked.id AND s.detail IS NOT NULL
  )
  SELECT id FROM picked ORDER BY id
`;

export const contactErasures = (database: Database): ContactErasures => ({
  async note({ organizationId, contactId }) {
    await database.query({
      name: 'trigger.note_erasure',
      text: `INSERT INTO trigger.contact_erasure (organization_id, contact_id, erased_at) VALUES ($1, $2, now())
             ON CONFLICT (organization_id, contact_id) DO UPDATE SET erased_at = now(), settled = false`,
      values: [organizationId, contactId],
    });
  },

  async isErased({ organizationId, contactId }) {
    const { rows } = await database.query({
      name: 'trigger.is_erased',
      text: `SELECT FROM trigger.contact_erasure WHERE organization_id = $1 AND contact_id = $2`,
      values: [organizationId, contactId],
    });
    return rows.length > 0;
  },

  async running({ organizationId, contactId }, limit) {
    const { rows } = await database.query<ExecutionRow>({
      name: 'trigger.running_of_contact',
      text: `SELECT ${EXECUTION_COLUMNS} FROM trigger.execution e
             WHERE e.contact_id = $2 AND e.organization_id = $1 AND e.ended_at IS NULL ORDER BY e.id LIMIT $3`,
      values: [organizationId, contactId, limit],
    });
    return rows.map(fromExecutionRow);
  },

  async clear({ organizationId, contactId }) {
    const values = [organizationId, contactId];
    for (let after: string | undefined = FIRST_ID; after !== undefined;) {
      const { rows }: { rows: { id: string }[] } = await database.query({
        name: 'trigger.clear_executions',
        text: CLEAR,
        values: [...values, after, KEPT_DETAILS, KEPT_REASONS],
      });
      after = rows.length < CLEARED_PER_CHUNK ? undefined : rows.at(-1)!.id;
    }
    await database.query({
      name: 'trigger.clear_remembered',
      text: 'DELETE FROM trigger.remembered WHERE organization_id = $1 AND contact_id = $2',
      values,
    });
    await database.query({
      name: 'trigger.clear_entries',
      text: `DELETE FROM trigger.entry WHERE contact_id = $2 AND workflow_id IN (
               SELECT id FROM trigger.workflow WHERE organization_id = $1)`,
      values,
    });
  },

  async unsettled(behind) {
    const { rows } = await database.query<{ organization_id: string; contact_id: string }>({
      name: 'trigger.unsettled_erasures',
      text: `SELECT organization_id, contact_id FROM trigger.contact_erasure
             WHERE NOT settled AND erased_at < now() - ${SETTLED_AFTER} ORDER BY erased_at, contact_id LIMIT ${UNSETTLED_AT_ONCE} OFFSET $1`,
      values: [behind],
    });
    return rows.map((row): ContactRef => ({
      organizationId: row.organization_id,
      contactId: row.contact_id,
    }));
  },

  async settled({ organizationId, contactId }) {
    await database.query({
      name: 'trigger.erasure_settled',
      text: `UPDATE trigger.contact_erasure SET settled = true WHERE organization_id = $1 AND contact_id = $2
               AND erased_at < now() - ${SETTLED_AFTER}`,
      values: [organizationId, contactId],
    });
  },
});
