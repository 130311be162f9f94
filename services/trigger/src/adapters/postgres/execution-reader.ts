import type { Database } from '@trackline/postgres';
import type { ExecutionReader } from '../../ports.ts';
import { loadRemembered } from './remembered-rows.ts';
import { EXECUTION_COLUMNS, fromExecutionRow, type ExecutionRow } from './execution-rows.ts';

export const executionReader = (database: Database): ExecutionReader => ({
  async waitingFor(keys) {
    const { rows } = await database.query<ExecutionRow>({
      name: 'trigger.waiting_for',
      text: `SELECT ${EXECUTION_COLUMNS}
             FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS q (organization_id, contact_id, event_name)
             JOIN trigger.wait w ON w.organization_id = q.organization_id AND w.contact_id = q.contact_id
               AND w.event_name = q.event_name
             JOIN trigger.execution e ON e.id = w.execution_id`,
      values: [
        keys.map((key) => key.organizationId),
        keys.map((key) => key.contactId),
        keys.map((key) => key.eventName),
      ],
    });
    const byId = new Map(rows.map((row) => [row.id, fromExecutionRow(row)]));
    return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  },

  async soleRuns(keys) {
    const { rows } = await database.query<{ workflow_id: string; contact_id: string }>({
      name: 'trigger.sole_runs',
      text: `SELECT e.workflow_id, e.contact_id
             FROM unnest($1::uuid[], $2::uuid[]) AS q (workflow_id, contact_id)
             JOIN trigger.execution e ON e.workflow_id = q.workflow_id AND e.contact_id = q.contact_id
             WHERE e.sole AND e.ended_at IS NULL`,
      values: [keys.map((key) => key.workflowId), keys.map((key) => key.contactId)],
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
      values: [keys.map((key) => key.workflowId), keys.map((key) => key.contactId)],
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
      values: [workflowIds],
    });
    return new Map(rows.map((row) => [row.workflow_id, row.running]));
  },

  remembered: (refs) => loadRemembered(database, refs),

  async handled(eventIds) {
    const { rows } = await database.query<{
      event_id: string;
      workflows_triggered: number;
      executions_resumed: number;
    }>({
      name: 'trigger.handled',
      text: `SELECT event_id, workflows_triggered, executions_resumed FROM trigger.handled WHERE event_id = ANY ($1::uuid[])`,
      values: [eventIds],
    });
    return new Map(
      rows.map((row) => [
        row.event_id,
        { workflowsTriggered: row.workflows_triggered, executionsResumed: row.executions_resumed },
      ]),
    );
  },

  async positions(topic, partition) {
    const { rows } = await database.query<{ source: string; source_offset: number }>({
      name: 'trigger.positions',
      text: `SELECT source, source_offset FROM trigger.position WHERE topic = $1 AND partition = $2`,
      values: [topic, partition],
    });
    return new Map(rows.map((row) => [row.source, row.source_offset]));
  },

  async isDeadLetter(topic, partition, { source, offset }) {
    const { rows } = await database.query({
      name: 'trigger.is_dead_letter',
      text: `SELECT FROM trigger.dead_letter WHERE topic = $1 AND partition = $2 AND source = $3 AND source_offset = $4`,
      values: [topic, partition, source, offset],
    });
    return rows.length > 0;
  },
});
