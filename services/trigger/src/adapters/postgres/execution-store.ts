import type { Database } from '@trackline/postgres';
import type { StepVisit } from '../../domain/execution.ts';
import type { ExecutionStore } from '../../ports.ts';
import {
  EXECUTION_COLUMNS,
  fromExecutionRow,
  fromStepRow,
  type ExecutionRow,
  type StepRow,
} from './execution-rows.ts';

const ENDED_WRONG = new Set(['failed', 'cancelled']);
const ENDED = new Set([...ENDED_WRONG, 'completed']);

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

  async list(workflowId, { limit, after, status, contactId }) {
    const values: unknown[] = [workflowId, limit];
    const conditions = ['e.workflow_id = $1'];
    if (after !== undefined) conditions.push(`e.id < $${values.push(after)}`);
    if (contactId !== undefined) conditions.push(`e.contact_id = $${values.push(contactId)}`);
    if (status !== undefined) {
      conditions.push(`e.status = $${values.push(status)}`);
      // Said as the partial indexes say it, so that a rare status is found without reading all the others.
      if (!ENDED.has(status)) conditions.push('e.ended_at IS NULL');
      if (ENDED_WRONG.has(status)) conditions.push(`e.status IN ('failed', 'cancelled')`);
    }
    const { rows } = await database.query<ExecutionRow>({
      text: `SELECT ${EXECUTION_COLUMNS} FROM trigger.execution e WHERE ${conditions.join(' AND ')}
             ORDER BY e.id DESC LIMIT $2`,
      values,
    });
    return rows.map(fromExecutionRow);
  },
});
