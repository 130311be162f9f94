import { MAX_CONTACT_EXECUTIONS } from '@trackline/contracts';
import { uuidArray, type Database } from '@trackline/postgres';
import type { ExecutionReader } from '../../ports.ts';

/** What the settings of workflows ask: who runs, who has entered and left, and how many. */
export const settingsReader = (
  database: Database,
): Pick<ExecutionReader, 'soleRuns' | 'entries' | 'running' | 'runningOfContacts'> => ({
  async soleRuns(keys) {
    const { rows } = await database.query<{ workflow_id: string; contact_id: string }>({
      name: 'trigger.sole_runs',
      text: `SELECT e.workflow_id, e.contact_id
             FROM unnest($1::uuid[], $2::uuid[]) AS q (workflow_id, contact_id)
             JOIN trigger.execution e ON e.workflow_id = q.workflow_id AND e.contact_id = q.contact_id
             WHERE e.sole AND e.ended_at IS NULL`,
      values: [uuidArray(keys, (key) => key.workflowId), uuidArray(keys, (key) => key.contactId)],
    });
    return rows.map((row) => ({ workflowId: row.workflow_id, contactId: row.contact_id }));
  },

  async entries(keys) {
    const { rows } = await database.query<{
      workflow_id: string;
      contact_id: string;
      started_at: Date | null;
      ended_at: Date | null;
    }>({
      name: 'trigger.entries',
      text: `SELECT e.workflow_id, e.contact_id, e.started_at, e.ended_at
             FROM unnest($1::uuid[], $2::uuid[]) AS q (workflow_id, contact_id)
             JOIN trigger.entry e ON e.workflow_id = q.workflow_id AND e.contact_id = q.contact_id`,
      values: [uuidArray(keys, (key) => key.workflowId), uuidArray(keys, (key) => key.contactId)],
    });
    return rows.map((row) => ({
      workflowId: row.workflow_id,
      contactId: row.contact_id,
      lastStartedAtMs: row.started_at?.getTime() ?? null,
      lastEndedAtMs: row.ended_at?.getTime() ?? null,
    }));
  },

  async running(workflowIds) {
    const { rows } = await database.query<{ workflow_id: string; running: number }>({
      name: 'trigger.running',
      text: `SELECT workflow_id, sum(count)::bigint AS running FROM trigger.running
             WHERE workflow_id = ANY ($1::uuid[]) GROUP BY workflow_id`,
      values: [uuidArray(workflowIds, (id) => id)],
    });
    return new Map(rows.map((row) => [row.workflow_id, row.running]));
  },

  async runningOfContacts(contactIds) {
    const { rows } = await database.query<{ contact_id: string; running: number }>({
      name: 'trigger.running_of_contacts',
      text: `SELECT q.contact_id, r.running FROM unnest($1::uuid[]) AS q (contact_id) CROSS JOIN LATERAL (
               SELECT count(*)::int AS running FROM (
                 SELECT FROM trigger.execution e WHERE e.contact_id = q.contact_id AND e.ended_at IS NULL LIMIT $2
               ) AS one
             ) AS r WHERE r.running > 0`,
      values: [uuidArray(contactIds, (id) => id), MAX_CONTACT_EXECUTIONS],
    });
    return new Map(rows.map((row) => [row.contact_id, row.running]));
  },
});
