import type { ExecutionProgress } from '@trackline/contracts';
import {
  bigintArray,
  dateArray,
  intArray,
  momentArray,
  textArray,
  uuidArray,
  type Queryable,
} from '@trackline/postgres';
import type { Happening } from '../../ports.ts';
import type { PartitionOf } from './partition-of.ts';

/** So many refused entries of a workflow are kept in each partition; of one batch no more are written. */
export const KEPT_REFUSALS = 20;

interface TallyRow {
  readonly workflowId: string;
  readonly day: string;
  readonly what: Happening;
  readonly reason: string;
  readonly partition: number;
  count: number;
}

const happening = ({ effect, status }: ExecutionProgress): Happening =>
  effect === 'ended' ? (status as Happening) : effect;

function tallied(progress: readonly ExecutionProgress[], partitionOf: PartitionOf): TallyRow[] {
  const rows = new Map<string, TallyRow>();
  for (const note of progress) {
    const what = happening(note);
    const reason = what === 'refused' ? (note.reason ?? '') : '';
    const day = new Date(note.atMs).toISOString().slice(0, 10);
    const partition = partitionOf(note);
    const key = JSON.stringify([note.workflowId, day, what, reason, partition]);
    const row = rows.get(key);
    if (row) row.count += 1;
    else rows.set(key, { workflowId: note.workflowId, day, what, reason, partition, count: 1 });
  }
  // In one order for all, so that two writers never wait for each other in a circle.
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

/** Counts what happened to executions, by workflow and day, and keeps the last entries that were refused. */
export async function writeTallies(
  tx: Queryable,
  progress: readonly ExecutionProgress[],
  partitionOf: PartitionOf,
): Promise<void> {
  const rows = tallied(progress, partitionOf);
  if (rows.length === 0) return;
  await tx.query({
    name: 'trigger.write_tallies',
    text: `INSERT INTO trigger.tally AS t (workflow_id, day, what, reason, partition, count)
           SELECT * FROM unnest($1::uuid[], $2::date[], $3::text[], $4::text[], $5::int[], $6::bigint[])
           ON CONFLICT (workflow_id, day, what, reason, partition) DO UPDATE SET count = t.count + excluded.count`,
    values: [
      uuidArray(rows, (row) => row.workflowId),
      dateArray(rows, (row) => row.day),
      textArray(rows, (row) => row.what),
      textArray(rows, (row) => row.reason),
      intArray(rows, (row) => row.partition),
      bigintArray(rows, (row) => row.count),
    ],
  });
  await keepRefusals(
    tx,
    progress.filter(({ effect }) => effect === 'refused'),
    partitionOf,
  );
}

async function keepRefusals(
  tx: Queryable,
  refused: readonly ExecutionProgress[],
  partitionOf: PartitionOf,
): Promise<void> {
  if (refused.length === 0) return;
  const last = new Map<string, ExecutionProgress[]>();
  for (const note of refused) {
    const key = `${note.workflowId}:${partitionOf(note)}`;
    last.set(key, [...(last.get(key) ?? []).slice(1 - KEPT_REFUSALS), note]);
  }
  const rows = [...last.values()].flat();
  await tx.query({
    name: 'trigger.keep_refusals',
    text: `INSERT INTO trigger.refusal (id, workflow_id, partition, contact_id, event_id, reason, at)
           SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[], $5::uuid[], $6::text[], $7::timestamptz[])`,
    values: [
      uuidArray(rows, (row) => row.id),
      uuidArray(rows, (row) => row.workflowId),
      intArray(rows, partitionOf),
      uuidArray(rows, (row) => row.contactId),
      uuidArray(rows, (row) => row.eventId),
      textArray(rows, (row) => row.reason ?? ''),
      momentArray(rows, (row) => row.atMs),
    ],
  });
  const of = [...new Map(rows.map((row) => [`${row.workflowId}:${partitionOf(row)}`, row])).values()];
  await tx.query({
    name: 'trigger.drop_refusals',
    text: `DELETE FROM trigger.refusal WHERE id IN (
             SELECT old.id FROM unnest($1::uuid[], $2::int[]) AS q (workflow_id, partition) CROSS JOIN LATERAL (
               SELECT r.id FROM trigger.refusal r WHERE r.workflow_id = q.workflow_id AND r.partition = q.partition
               ORDER BY r.id DESC OFFSET ${KEPT_REFUSALS}) AS old)`,
    values: [uuidArray(of, (row) => row.workflowId), intArray(of, partitionOf)],
  });
}
