import type { WorkflowDefinition, WorkflowStatus } from '@trackline/contracts';
import type { Database, Queryable } from '@trackline/postgres';
import { lookedBack, waitedFor } from '../../domain/waited-events.ts';
import type { WorkflowChange, WorkflowRecord, WorkflowStore } from '../../ports.ts';
import type { Calendar } from '../../domain/schedule.ts';
import { toTime } from './execution-rows.ts';
import { beginTurns } from './turn-rounds.ts';

interface WorkflowRow {
  id: string;
  organization_id: string;
  name: string;
  status: WorkflowStatus;
  version: number;
  definition: WorkflowDefinition;
  created_at: Date;
  updated_at: Date;
}

const fromRow = (row: WorkflowRow): WorkflowRecord => ({
  id: row.id,
  organizationId: row.organization_id,
  name: row.name,
  status: row.status,
  version: row.version,
  definition: row.definition,
  createdAtMs: row.created_at.getTime(),
  updatedAtMs: row.updated_at.getTime(),
});

const SELECT = `SELECT w.id, w.organization_id, w.name, w.status, w.version, v.definition, w.created_at, w.updated_at
  FROM trigger.workflow w JOIN trigger.workflow_version v ON v.workflow_id = w.id AND v.version = w.version`;

const RUNNING = ['active', 'waiting', 'delayed', 'paused'] as const;

export const workflowStore = (database: Database, calendar: Pick<Calendar, 'nextAfter'>): WorkflowStore => ({
  async create(workflow) {
    await database.transaction(async (tx) => {
      await moveVersion(tx, workflow.organizationId);
      await tx.query({
        text: `INSERT INTO trigger.workflow (id, organization_id, name, status, version, created_at, updated_at)
               VALUES ($1, $2, $3, $4, $5, $6, $6)`,
        values: [
          workflow.id,
          workflow.organizationId,
          workflow.name,
          workflow.status,
          workflow.version,
          toTime(workflow.createdAtMs),
        ],
      });
      await insertVersion(tx, workflow);
      await writeSchedule(tx, workflow, undefined, calendar);
    });
  },

  async find(organizationId, id) {
    const { rows } = await database.query<WorkflowRow>({
      name: 'trigger.find_workflow',
      text: `${SELECT} WHERE w.id = $1 AND w.organization_id = $2`,
      values: [id, organizationId],
    });
    return rows[0] && fromRow(rows[0]);
  },

  async list(organizationId, { limit, after, status }) {
    const { rows } = await database.query<WorkflowRow>({
      name: 'trigger.list_workflows',
      text: `${SELECT} WHERE w.organization_id = $1 AND ($2::uuid IS NULL OR w.id < $2) AND ($3::text IS NULL OR w.status = $3)
             ORDER BY w.id DESC LIMIT $4`,
      values: [organizationId, after ?? null, status ?? null, limit],
    });
    return rows.map(fromRow);
  },

  async change(organizationId, id, decide) {
    return database.transaction(async (tx) => {
      const { rows } = await tx.query<WorkflowRow>({
        text: `${SELECT} WHERE w.id = $1 AND w.organization_id = $2 FOR UPDATE OF w`,
        values: [id, organizationId],
      });
      if (!rows[0]) return undefined;
      const workflow = fromRow(rows[0]);
      const change = decide(workflow);
      if (!change) return workflow;
      // Taken before anything else is read: whoever holds executions back on what he read of the workflow, holds this row.
      await moveVersion(tx, organizationId);
      await apply(tx, workflow, change);
      const changed = await tx.query<WorkflowRow>({ text: `${SELECT} WHERE w.id = $1`, values: [id] });
      const after = fromRow(changed.rows[0]!);
      await writeSchedule(tx, after, workflow, calendar);
      return after;
    });
  },
});

async function moveVersion(tx: Queryable, organizationId: string): Promise<void> {
  await tx.query({
    text: `INSERT INTO trigger.organization_version AS o (organization_id, version) VALUES ($1, 1)
           ON CONFLICT (organization_id) DO UPDATE SET version = o.version + 1`,
    values: [organizationId],
  });
}

async function insertVersion(
  tx: Queryable,
  {
    id,
    version,
    organizationId,
    definition,
  }: Pick<WorkflowRecord, 'id' | 'version' | 'organizationId' | 'definition'>,
): Promise<void> {
  await tx.query({
    text: `INSERT INTO trigger.workflow_version (workflow_id, version, organization_id, definition, wait_event_names, looked_back, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, now())`,
    values: [
      id,
      version,
      organizationId,
      JSON.stringify(definition),
      [...waitedFor(definition)],
      JSON.stringify(Object.fromEntries(lookedBack(definition))),
    ],
  });
}

async function apply(tx: Queryable, workflow: WorkflowRecord, change: WorkflowChange): Promise<void> {
  if (change.kind === 'definition') {
    const version = workflow.version + 1;
    await insertVersion(tx, { ...workflow, version, definition: change.definition });
    await tx.query({
      text: `UPDATE trigger.workflow SET name = $2, version = $3, updated_at = now() WHERE id = $1`,
      values: [workflow.id, change.definition.name, version],
    });
    return;
  }
  await tx.query({
    text: `UPDATE trigger.workflow SET status = $2, updated_at = now() WHERE id = $1`,
    values: [workflow.id, change.status],
  });
  if (change.status === 'enabled') await beginTurns(tx, workflow.id, ['paused']);
  if (change.status === 'archived') await beginTurns(tx, workflow.id, RUNNING);
}

/**
 * An enabled workflow with a schedule has a due time, any other has none. One whose schedule stays the same keeps the one it has: it may
 * have come just now.
 */
async function writeSchedule(
  tx: Queryable,
  { id, organizationId, status, definition }: WorkflowRecord,
  before: WorkflowRecord | undefined,
  calendar: Pick<Calendar, 'nextAfter'>,
): Promise<void> {
  const { type, schedule, timezone } = definition.trigger;
  const isScheduled = status === 'enabled' && type === 'schedule' && schedule !== undefined;
  const was = before?.definition.trigger;
  const isKept =
    isScheduled && before?.status === 'enabled' && was?.schedule === schedule && was.timezone === timezone;
  if (isKept) return;
  await tx.query({ text: 'DELETE FROM trigger.schedule WHERE workflow_id = $1', values: [id] });
  if (!isScheduled) return;
  const { rows } = await tx.query<{ now: Date }>({ text: 'SELECT now() AS now', values: [] });
  const cron = { schedule, ...(timezone !== undefined && { timezone }) };
  const dueAtMs = calendar.nextAfter(cron, rows[0]!.now.getTime());
  if (dueAtMs === undefined) return;
  await tx.query({
    text: 'INSERT INTO trigger.schedule (workflow_id, organization_id, due_at) VALUES ($1, $2, $3)',
    values: [id, organizationId, toTime(dueAtMs)],
  });
}
