import { intArray, momentArray, textArray, uuidArray, type Queryable } from '@trackline/postgres';
import type { ChangedExecution } from '../../domain/effects.ts';
import type { Execution } from '../../domain/execution.ts';
import { timerOf } from '../../domain/timers.ts';
import type { PartitionOf } from './partition-of.ts';

/** Each execution has the one timer that it asks for, or none. */
export async function writeTimers(
  tx: Queryable,
  changed: readonly ChangedExecution[],
  partitionOf: PartitionOf,
): Promise<void> {
  const over = changed.filter(({ execution, from }) => from !== null && !timerOf(execution));
  await removeTimers(
    tx,
    over.map(({ execution }) => execution.id),
  );
  await setTimers(
    tx,
    changed.map(({ execution }) => execution),
    partitionOf,
  );
}

/** Of executions that did not change. Where one has changed since it was read, its timer is that of whoever changed it. */
export async function settleTimers(
  tx: Queryable,
  read: readonly Execution[],
  partitionOf: PartitionOf,
): Promise<void> {
  const { rows } = await tx.query<{ id: string }>({
    name: 'trigger.hold_unchanged',
    text: `SELECT e.id FROM unnest($1::uuid[], $2::int[]) AS q (id, revision)
           JOIN trigger.execution e ON e.id = q.id AND e.revision = q.revision ORDER BY e.id FOR SHARE OF e`,
    values: [uuidArray(read, ({ id }) => id), intArray(read, ({ revision }) => revision)],
  });
  const unchanged = new Set(rows.map(({ id }) => id));
  const executions = read.filter(({ id }) => unchanged.has(id));
  const idle = executions.filter((execution) => !timerOf(execution));
  await removeTimers(
    tx,
    idle.map(({ id }) => id),
  );
  await setTimers(tx, executions, partitionOf);
}

async function removeTimers(tx: Queryable, executionIds: readonly string[]): Promise<void> {
  if (executionIds.length === 0) return;
  await tx.query({
    name: 'trigger.remove_timers',
    text: `DELETE FROM trigger.timer WHERE execution_id = ANY ($1::uuid[])`,
    values: [uuidArray(executionIds, (id) => id)],
  });
}

async function setTimers(
  tx: Queryable,
  executions: readonly Execution[],
  partitionOf: PartitionOf,
): Promise<void> {
  const set = executions.flatMap((execution) => {
    const timer = timerOf(execution);
    return timer ? [{ id: execution.id, partition: partitionOf(execution), ...timer }] : [];
  });
  if (set.length === 0) return;
  await tx.query({
    name: 'trigger.set_timers',
    text: `INSERT INTO trigger.timer (execution_id, partition, kind, due_at)
           SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::timestamptz[])
           ON CONFLICT (execution_id) DO UPDATE SET kind = excluded.kind, due_at = excluded.due_at`,
    values: [
      uuidArray(set, (timer) => timer.id),
      intArray(set, (timer) => timer.partition),
      textArray(set, (timer) => timer.kind),
      momentArray(set, (timer) => timer.dueAtMs),
    ],
  });
}
