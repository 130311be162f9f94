import type { ExecutionStatus } from '@trackline/contracts';
import type { Database, Queryable } from '@trackline/postgres';

/** Executions that get their turn in one statement. */
export const TURNS_PER_CHUNK = 1_000;

/** Each of the workflow's executions in one of these statuses is to get a turn; the first of them at once, the rest in chunks. */
export async function beginTurns(
  tx: Queryable,
  workflowId: string,
  statuses: readonly ExecutionStatus[],
): Promise<void> {
  await tx.query({
    name: 'trigger.begin_turns',
    text: `INSERT INTO trigger.turn_round (workflow_id, status) SELECT $1, unnest($2::text[])
           ON CONFLICT (workflow_id, status) DO UPDATE SET
             after_started_at = excluded.after_started_at, after_id = excluded.after_id`,
    values: [workflowId, statuses],
  });
  for (const status of statuses) await giveChunk(tx, workflowId, status);
}

/** The next chunk of some round; `false`: there is no round, or another instance is at it. */
export const giveTurns = (database: Database): Promise<boolean> =>
  database.transaction(async (tx) => {
    const { rows } = await tx.query<{ workflow_id: string; status: ExecutionStatus }>({
      name: 'trigger.open_round',
      text: `SELECT workflow_id, status FROM trigger.turn_round
             ORDER BY workflow_id, status LIMIT 1 FOR UPDATE SKIP LOCKED`,
      values: [],
    });
    if (!rows[0]) return false;
    await giveChunk(tx, rows[0].workflow_id, rows[0].status);
    return true;
  });

/** The owners of their partitions come to these executions at once, and find what the workflow's status is now. */
async function giveChunk(tx: Queryable, workflowId: string, status: ExecutionStatus): Promise<void> {
  const values = [workflowId, status];
  const { rows } = await tx.query<{ given: number }>({
    name: 'trigger.give_turns',
    text: `WITH picked AS (
             SELECT e.id, e.partition, e.started_at FROM trigger.turn_round r CROSS JOIN LATERAL (
               SELECT id, partition, started_at FROM trigger.execution e
               WHERE e.workflow_id = r.workflow_id AND e.status = r.status
                 AND (e.started_at, e.id) > (r.after_started_at, r.after_id)
               ORDER BY e.started_at, e.id LIMIT ${TURNS_PER_CHUNK}) AS e
             WHERE r.workflow_id = $1 AND r.status = $2
           ), turns AS (
             INSERT INTO trigger.timer (execution_id, partition, kind, due_at)
             SELECT id, partition, 'turn', now() FROM picked ORDER BY id
             ON CONFLICT (execution_id) DO UPDATE SET kind = 'turn', due_at = now()
           ), moved AS (
             UPDATE trigger.turn_round r SET after_started_at = last.started_at, after_id = last.id
             FROM (SELECT started_at, id FROM picked ORDER BY started_at DESC, id DESC LIMIT 1) AS last
             WHERE r.workflow_id = $1 AND r.status = $2
           )
           SELECT count(*)::int AS given FROM picked`,
    values,
  });
  if (rows[0]!.given === TURNS_PER_CHUNK) return;
  await tx.query({
    name: 'trigger.end_round',
    text: 'DELETE FROM trigger.turn_round WHERE workflow_id = $1 AND status = $2',
    values,
  });
}
