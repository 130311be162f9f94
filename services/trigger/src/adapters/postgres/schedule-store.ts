import type { Database, Queryable } from '@trackline/postgres';
import type { Commit, ScheduleRun, ScheduleStore } from '../../ports.ts';
import { toTime } from './execution-rows.ts';

interface RunRow {
  workflow_id: string;
  organization_id: string;
  due_at: Date;
  cursor: string | null;
}

const fromRow = (row: RunRow): ScheduleRun => ({
  workflowId: row.workflow_id,
  organizationId: row.organization_id,
  dueAtMs: row.due_at.getTime(),
  cursor: row.cursor,
});

export const scheduleStore = (database: Database): ScheduleStore => ({
  async due(limit) {
    const { rows } = await database.query<{
      workflow_id: string;
      organization_id: string;
      due_at: Date;
      now: Date;
    }>({
      name: 'trigger.schedules_due',
      text: `SELECT workflow_id, organization_id, due_at, now() AS now FROM trigger.schedule
             WHERE due_at <= now() ORDER BY due_at LIMIT $1`,
      values: [limit],
    });
    return rows.map((row) => ({
      workflowId: row.workflow_id,
      organizationId: row.organization_id,
      dueAtMs: row.due_at.getTime(),
      nowMs: row.now.getTime(),
    }));
  },

  async move({ workflowId, organizationId, dueAtMs }, { runAtMs, nextAtMs }) {
    return database.transaction(async (tx) => {
      const values = [workflowId, toTime(dueAtMs)];
      const { rowCount } =
        nextAtMs === undefined
          ? await tx.query({
              name: 'trigger.end_schedule',
              text: 'DELETE FROM trigger.schedule WHERE workflow_id = $1 AND due_at = $2',
              values,
            })
          : await tx.query({
              name: 'trigger.move_schedule',
              text: 'UPDATE trigger.schedule SET due_at = $3 WHERE workflow_id = $1 AND due_at = $2',
              values: [...values, toTime(nextAtMs)],
            });
      if (rowCount !== 1) return false;
      if (runAtMs === undefined) return true;
      await tx.query({
        name: 'trigger.begin_run',
        text: `INSERT INTO trigger.schedule_run (workflow_id, due_at, organization_id, claimed_until)
               VALUES ($1, $2, $3, now()) ON CONFLICT DO NOTHING`,
        values: [workflowId, toTime(runAtMs), organizationId],
      });
      return true;
    });
  },

  ...scheduleRuns(database),
});

type Runs = Pick<ScheduleStore, 'claim' | 'isAt' | 'finish' | 'release'>;

const scheduleRuns = (database: Database): Runs => ({
  async claim(leaseMs) {
    const { rows } = await database.query<RunRow>({
      name: 'trigger.claim_run',
      text: `UPDATE trigger.schedule_run r SET claimed_until = now() + $1 * interval '1 millisecond'
             FROM (SELECT workflow_id, due_at FROM trigger.schedule_run
                   WHERE finished_at IS NULL AND claimed_until <= now()
                   ORDER BY claimed_until LIMIT 1 FOR UPDATE SKIP LOCKED) AS free
             WHERE r.workflow_id = free.workflow_id AND r.due_at = free.due_at
             RETURNING r.workflow_id, r.organization_id, r.due_at, r.cursor`,
      values: [leaseMs],
    });
    return rows[0] && fromRow(rows[0]);
  },

  async isAt({ workflowId, dueAtMs, cursor }) {
    const { rows } = await database.query({
      name: 'trigger.run_is_at',
      text: `SELECT FROM trigger.schedule_run
             WHERE workflow_id = $1 AND due_at = $2 AND cursor IS NOT DISTINCT FROM $3 AND finished_at IS NULL`,
      values: [workflowId, toTime(dueAtMs), cursor],
    });
    return rows.length > 0;
  },

  async release({ workflowId, dueAtMs, cursor }) {
    await database.query({
      name: 'trigger.release_run',
      text: `UPDATE trigger.schedule_run SET claimed_until = now()
             WHERE workflow_id = $1 AND due_at = $2 AND cursor IS NOT DISTINCT FROM $3 AND finished_at IS NULL`,
      values: [workflowId, toTime(dueAtMs), cursor],
    });
  },

  async finish({ workflowId, dueAtMs }) {
    await database.query({
      name: 'trigger.finish_run',
      text: `UPDATE trigger.schedule_run SET finished_at = now()
             WHERE workflow_id = $1 AND due_at = $2 AND finished_at IS NULL`,
      values: [workflowId, toTime(dueAtMs)],
    });
  },
});

/** Moves a run over a page of contacts, from where that page began. `false`: somebody else has done it. */
export async function moveRun(
  tx: Queryable,
  { run, to, started, refused, leaseMs }: NonNullable<Commit['schedule']>,
): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'trigger.move_run',
    text: `UPDATE trigger.schedule_run
           SET cursor = coalesce($4, cursor), started = started + $5, refused = refused + $6,
             claimed_until = now() + $7 * interval '1 millisecond',
             finished_at = CASE WHEN $4::text IS NULL THEN now() END
           WHERE workflow_id = $1 AND due_at = $2 AND cursor IS NOT DISTINCT FROM $3 AND finished_at IS NULL`,
    values: [run.workflowId, toTime(run.dueAtMs), run.cursor, to, started, refused, leaseMs],
  });
  return rowCount === 1;
}
