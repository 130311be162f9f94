import { bigintArray, intArray, uuidArray, type Queryable } from '@trackline/postgres';
import type { ChangedExecution } from '../../domain/effects.ts';
import { hasEnded } from '../../domain/execution.ts';
import type { Capacity } from '../../ports.ts';
import type { PartitionOf } from './partition-of.ts';

interface RunningRow {
  readonly workflowId: string;
  readonly partition: number;
  count: number;
}

/** By how much the running executions of each workflow change in each partition. `revived`: had ended before, and were tried again. */
function changesOf(
  changed: Iterable<ChangedExecution>,
  revived: ReadonlySet<string>,
  partitionOf: PartitionOf,
): RunningRow[] {
  const rows = new Map<string, RunningRow>();
  for (const { from, execution } of changed) {
    const ran = from !== null && !revived.has(execution.id);
    const by = Number(!hasEnded(execution)) - Number(ran);
    if (by === 0) continue;
    const { workflowId } = execution;
    const partition = partitionOf(execution);
    const key = `${workflowId}:${String(partition).padStart(6, '0')}`;
    const row = rows.get(key);
    if (row) row.count += by;
    else rows.set(key, { workflowId, partition, count: by });
  }
  // In one order for all, so that two writers never wait for each other in a circle.
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

/**
 * Counts running executions, and holds each workflow that starts some to its limit. `false`: with these there would be more.
 *
 * Far from the limit its writers share a lock; near it each has it alone, and so sees the counts of all that had it before. Far is
 * more than all partitions together can start at once, so what a sharer does not see cannot carry it past the limit.
 */
export async function writeRunning(
  tx: Queryable,
  changed: Iterable<ChangedExecution>,
  { capacity = [], revived = [] }: { capacity?: readonly Capacity[]; revived?: readonly string[] },
  partitionOf: PartitionOf,
): Promise<boolean> {
  const rows = changesOf(changed, new Set(revived), partitionOf).filter(({ count }) => count !== 0);
  if (rows.length === 0) return true;
  const growing = new Set(rows.filter(({ count }) => count > 0).map(({ workflowId }) => workflowId));
  const limited = capacity.filter(({ workflowId }) => growing.has(workflowId));
  await lock(tx, limited);
  const { rows: sums } = await tx.query<{ workflow_id: string; running: number }>({
    name: 'trigger.write_running',
    text: `WITH changed AS (
             INSERT INTO trigger.running AS r (workflow_id, partition, count)
             SELECT * FROM unnest($1::uuid[], $2::int[], $3::bigint[])
             ON CONFLICT (workflow_id, partition) DO UPDATE SET count = r.count + excluded.count
             RETURNING workflow_id, partition, count
           )
           SELECT workflow_id, sum(count)::bigint AS running FROM (
             SELECT workflow_id, count FROM changed WHERE workflow_id = ANY ($4::uuid[])
             UNION ALL
             SELECT workflow_id, count FROM trigger.running r WHERE workflow_id = ANY ($4::uuid[]) AND NOT EXISTS (
               SELECT FROM changed c WHERE c.workflow_id = r.workflow_id AND c.partition = r.partition)
           ) AS counted GROUP BY workflow_id`,
    values: [
      uuidArray(rows, (row) => row.workflowId),
      intArray(rows, (row) => row.partition),
      bigintArray(rows, (row) => row.count),
      uuidArray(limited, (one) => one.workflowId),
    ],
  });
  const running = new Map(sums.map((row) => [row.workflow_id, row.running]));
  return limited.every(
    ({ workflowId, limit, slack, isNear }) =>
      (running.get(workflowId) ?? 0) <= (isNear ? limit : limit - slack),
  );
}

async function lock(tx: Queryable, limited: readonly Capacity[]): Promise<void> {
  const sorted = [...limited].sort((a, b) => (a.workflowId < b.workflowId ? -1 : 1));
  for (const { workflowId, isNear } of sorted) {
    const mode = isNear ? 'pg_advisory_xact_lock' : 'pg_advisory_xact_lock_shared';
    await tx.query({
      name: `trigger.capacity_${isNear ? 'alone' : 'shared'}`,
      text: `SELECT ${mode}(hashtextextended('trigger.running:' || $1::text, 0))`,
      values: [workflowId],
    });
  }
}
