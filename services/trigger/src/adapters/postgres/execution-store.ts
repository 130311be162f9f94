import { EXECUTION_STATUSES, type ExecutionStatus } from '@trackline/contracts';
import type { Database } from '@trackline/postgres';
import type { StepVisit } from '../../domain/execution.ts';
import type { ExecutionFilter, ExecutionStore, Tally } from '../../ports.ts';
import {
  EXECUTION_COLUMNS,
  fromExecutionRow,
  fromStepRow,
  toTime,
  type ExecutionRow,
  type StepRow,
} from './execution-rows.ts';

export const executionStore = (database: Database): ExecutionStore => ({
  async find(organizationId, id) {
    const { rows } = await database.query<ExecutionRow>({
      name: 'trigger.find_execution',
      text: `SELECT ${EXECUTION_COLUMNS} FROM trigger.execution e WHERE e.id = $1 AND e.organization_id = $2`,
      values: [id, organizationId],
    });
    return rows[0] && fromExecutionRow(rows[0]);
  },

  async visits(executionIds) {
    const { rows } = await database.query<StepRow & { execution_id: string }>({
      name: 'trigger.steps',
      text: `SELECT execution_id, visit, step_id, type, status, branch, started_at, ended_at, detail FROM trigger.step
             WHERE execution_id = ANY ($1::uuid[]) ORDER BY execution_id, visit`,
      values: [executionIds],
    });
    const visits = new Map<string, StepVisit[]>();
    for (const row of rows) {
      const own = visits.get(row.execution_id);
      if (own) own.push(fromStepRow(row));
      else visits.set(row.execution_id, [fromStepRow(row)]);
    }
    return visits;
  },

  async list(organizationId, filter) {
    const { rows } = await database.query<ExecutionRow>(listStatement(organizationId, filter));
    return rows.map(fromExecutionRow);
  },

  async standing(workflowId) {
    const { rows } = await database.query<{
      step_id: string | null;
      workflow_version: number;
      status: ExecutionStatus;
      count: number;
    }>({
      name: 'trigger.standing',
      text: `SELECT step_id, workflow_version, status, count(*)::int AS count FROM trigger.execution
             WHERE workflow_id = $1 AND status IN ('active', 'waiting', 'delayed', 'paused')
             GROUP BY step_id, workflow_version, status`,
      values: [workflowId],
    });
    return rows.map((row) => ({
      stepId: row.step_id,
      version: row.workflow_version,
      status: row.status,
      count: row.count,
    }));
  },

  async tallies(workflowId, from, to) {
    const { rows } = await database.query<Tally>({
      name: 'trigger.tallies',
      text: `SELECT what, reason, sum(count)::bigint AS count FROM trigger.tally
             WHERE workflow_id = $1 AND day BETWEEN $2 AND $3 GROUP BY what, reason ORDER BY count DESC, reason`,
      values: [workflowId, from, to],
    });
    return rows;
  },

  async refusals(workflowId, limit) {
    const { rows } = await database.query<{
      contact_id: string;
      event_id: string | null;
      reason: string;
      at: Date;
    }>({
      name: 'trigger.refusals',
      text: `SELECT contact_id, event_id, reason, at FROM trigger.refusal WHERE workflow_id = $1
             ORDER BY at DESC, id DESC LIMIT $2`,
      values: [workflowId, limit],
    });
    return rows.map((row) => ({
      contactId: row.contact_id,
      eventId: row.event_id,
      reason: row.reason,
      atMs: row.at.getTime(),
    }));
  },
});

/**
 * A contact's executions are few: its index, and the rest as a filter. Else one look into the index of the organisation or workflow
 * for each status, so that a rare one is found without reading all the others.
 */
function listStatement(organizationId: string, filter: ExecutionFilter): { text: string; values: unknown[] } {
  const { workflowId, contactId, status, after, fromMs, toMs, limit } = filter;
  const values: unknown[] = [organizationId, limit];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const conditions = ['e.organization_id = $1'];
  if (workflowId !== undefined) conditions.push(`e.workflow_id = ${bind(workflowId)}`);
  if (contactId !== undefined) conditions.push(`e.contact_id = ${followed(bind(contactId))}`);
  if (fromMs !== undefined) conditions.push(`e.started_at >= ${bind(toTime(fromMs))}::timestamptz`);
  if (toMs !== undefined) conditions.push(`e.started_at < ${bind(toTime(toMs))}::timestamptz`);
  if (after)
    conditions.push(
      `(e.started_at, e.id) < (${bind(toTime(after.startedAtMs))}::timestamptz, ${bind(after.id)}::uuid)`,
    );
  const order = 'ORDER BY e.started_at DESC, e.id DESC LIMIT $2';
  if (contactId !== undefined) {
    if (status !== undefined) conditions.push(`e.status = ${bind(status)}`);
    const text = `SELECT ${EXECUTION_COLUMNS} FROM trigger.execution e WHERE ${conditions.join(' AND ')} ${order}`;
    return { text, values };
  }
  const statuses = bind(status === undefined ? EXECUTION_STATUSES : [status]);
  return {
    text: `SELECT ${EXECUTION_COLUMNS} FROM unnest(${statuses}::text[]) AS s (status) CROSS JOIN LATERAL (
             SELECT * FROM trigger.execution e WHERE ${conditions.join(' AND ')} AND e.status = s.status ${order}
           ) AS e ${order}`,
    values,
  };
}

/** Executions of a merged contact are the other's. */
const followed = (contactId: string): string => `coalesce((
  SELECT into_id FROM trigger.contact_alias WHERE organization_id = $1 AND contact_id = ${contactId}::uuid), ${contactId}::uuid)`;
