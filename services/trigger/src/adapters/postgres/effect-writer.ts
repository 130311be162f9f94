import {
  intArray,
  isDataFault,
  isUniqueViolation,
  jsonbArray,
  momentArray,
  textArray,
  uuidArray,
  type Database,
  type Queryable,
} from '@trackline/postgres';
import type { Effects } from '../../domain/effects.ts';
import type { Commit, EffectWriter, OutboxEntry } from '../../ports.ts';
import { writeDeadLetters } from './dead-letter-rows.ts';
import { writeEntries } from './entry-writes.ts';
import { insertExecutions, updateExecutions } from './execution-writes.ts';
import { firstIdOf } from './execution-rows.ts';
import type { PartitionOf } from './partition-of.ts';
import { writeRemembered } from './remembered-rows.ts';
import { writeRunning } from './running-writes.ts';
import { isMovedByAnother, movePositions, moveTogether } from './position-moves.ts';
import { moveRun } from './schedule-store.ts';
import { writeTallies } from './tally-writes.ts';
import { settleTimers, writeTimers } from './timer-writes.ts';
import { writeWaits } from './wait-writes.ts';

/** Something that was read has changed since: the transaction must not stand. */
class Conflict extends Error {}

export function effectWriter(database: Database, partitionOf: PartitionOf): EffectWriter {
  const movePartitions = moveTogether(database);
  return {
    async commit(commit) {
      const positions = positionsAlone(commit);
      if (positions && (await movePartitions(positions))) return true;
      const { effects, settled, deadLetters } = commit;
      const durable =
        effects !== undefined ||
        settled !== undefined ||
        deadLetters !== undefined ||
        commit.schedule !== undefined;
      try {
        await database.transaction((tx) => write(tx, commit, partitionOf), { durable });
        return true;
      } catch (error) {
        // A unique violation: another has begun the one execution that is allowed.
        if (error instanceof Conflict || isMovedByAnother(error) || isUniqueViolation(error)) return false;
        throw error;
      }
    },

    isUnstorable: isDataFault,

    async leftOver(partition, limit) {
      const { rows } = await database.query<OutboxEntry>({
        name: 'trigger.left_over',
        text: `SELECT id, partition, kind, body FROM trigger.outbox WHERE partition = $1 ORDER BY id LIMIT $2`,
        values: [partition, limit],
      });
      return rows;
    },

    async partitionsWithLeftOver(partitions, olderThanMs) {
      const { rows } = await database.query<{ partition: number }>({
        name: 'trigger.partitions_left_over',
        text: `SELECT q.partition FROM unnest($1::int[]) AS q (partition)
               WHERE EXISTS (SELECT FROM trigger.outbox o WHERE o.partition = q.partition AND o.id < $2::uuid)`,
        values: [partitions, firstIdOf(Date.now() - olderThanMs)],
      });
      return rows.map((row) => row.partition);
    },

    async forget(outboxIds) {
      await database.query({
        name: 'trigger.forget',
        text: `DELETE FROM trigger.outbox WHERE id = ANY ($1::uuid[])`,
        values: [uuidArray(outboxIds, (id) => id)],
      });
    },

    async noteRefusedUpdates(refusals) {
      await database.query({
        name: 'trigger.note_refused',
        text: `UPDATE trigger.step s SET detail = coalesce(s.detail, '{}') || jsonb_build_object('refused', r.refused::jsonb)
               FROM unnest($1::uuid[], $2::int[], $3::text[]) AS r (execution_id, visit, refused)
               WHERE s.execution_id = r.execution_id AND s.visit = r.visit`,
        values: [
          refusals.map((refusal) => refusal.executionId),
          refusals.map((refusal) => refusal.visit),
          refusals.map((refusal) => JSON.stringify(refusal.refused)),
        ],
      });
    },
  };
}

/** What is moved when nothing else is written. */
function positionsAlone({ positions, ...others }: Commit): Commit['positions'] {
  return Object.values(others).every((other) => other === undefined) ? positions : undefined;
}

async function write(tx: Queryable, commit: Commit, partitionOf: PartitionOf): Promise<void> {
  if (commit.positions) await movePositions(tx, commit.positions);
  if (commit.schedule && !(await moveRun(tx, commit.schedule))) throw new Conflict();
  if (commit.deadLetters && !(await writeDeadLetters(tx, commit.deadLetters))) throw new Conflict();
  if (commit.unchanged?.size) await holdVersions(tx, commit.unchanged);
  if (commit.effects) await writeEffects(tx, commit.effects, partitionOf);
  if (commit.settled?.length) await settleTimers(tx, commit.settled, partitionOf);
  if (commit.outbox?.length) await insertOutbox(tx, commit.outbox);
  if (commit.entries && !(await writeEntries(tx, commit.entries))) throw new Conflict();
  if (commit.effects) {
    const changed = commit.effects.executions.values();
    if (!(await writeRunning(tx, changed, commit, partitionOf))) throw new Conflict();
  }
  // Last: a row of counts is held by nobody who still has something else to wait for.
  if (commit.effects) await writeTallies(tx, commit.effects.progress, partitionOf);
}

async function holdVersions(tx: Queryable, versions: ReadonlyMap<string, number>): Promise<void> {
  const { rows } = await tx.query<{ organization_id: string; version: number }>({
    name: 'trigger.hold_versions',
    text: `SELECT organization_id, version FROM trigger.organization_version
           WHERE organization_id = ANY ($1::uuid[]) ORDER BY organization_id FOR SHARE`,
    values: [uuidArray([...versions.keys()], (id) => id)],
  });
  for (const row of rows) if (versions.get(row.organization_id) !== row.version) throw new Conflict();
}

async function writeEffects(tx: Queryable, effects: Effects, partitionOf: PartitionOf): Promise<void> {
  const changed = [...effects.executions.values()];
  const started = changed.filter(({ from }) => from === null);
  const moved = changed.filter(({ from }) => from !== null);
  if (moved.length > 0 && (await updateExecutions(tx, moved)) !== moved.length) throw new Conflict();
  if (started.length > 0) await insertExecutions(tx, started, partitionOf);
  await writeSteps(tx, effects);
  await writeWaits(tx, changed);
  await writeTimers(tx, changed, partitionOf);
  await writeRemembered(tx, effects.remembered);
  await writeHandled(tx, effects.handled);
}

async function writeSteps(tx: Queryable, { visits }: Effects): Promise<void> {
  const steps = [...visits].flatMap(([executionId, log]) =>
    [...log.values()].map((visit) => ({ executionId, ...visit })),
  );
  if (steps.length === 0) return;
  await tx.query({
    name: 'trigger.write_steps',
    text: `INSERT INTO trigger.step (execution_id, visit, step_id, type, status, branch, started_at, ended_at, detail)
           SELECT execution_id, visit, step_id, type, status, branch, started_at, ended_at, detail
           FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
             $8::timestamptz[], $9::jsonb[])
             AS s (execution_id, visit, step_id, type, status, branch, started_at, ended_at, detail)
           ON CONFLICT (execution_id, visit) DO UPDATE SET status = excluded.status, branch = excluded.branch,
             ended_at = excluded.ended_at, detail = excluded.detail`,
    values: [
      uuidArray(steps, (step) => step.executionId),
      intArray(steps, (step) => step.visit),
      textArray(steps, (step) => step.stepId),
      textArray(steps, (step) => step.type),
      textArray(steps, (step) => step.status),
      textArray(steps, (step) => step.branch),
      momentArray(steps, (step) => step.startedAtMs),
      momentArray(steps, (step) => step.endedAtMs),
      jsonbArray(steps, (step) => step.detail && JSON.stringify(step.detail)),
    ],
  });
}

async function writeHandled(tx: Queryable, handled: Effects['handled']): Promise<void> {
  if (handled.size === 0) return;
  const rows = [...handled];
  await tx.query({
    name: 'trigger.write_handled',
    text: `INSERT INTO trigger.handled (event_id, workflows_triggered, executions_resumed, handled_at)
           SELECT event_id, started, resumed, now() FROM unnest($1::uuid[], $2::int[], $3::int[]) AS h (event_id, started, resumed)
           ON CONFLICT DO NOTHING`,
    values: [
      uuidArray(rows, ([eventId]) => eventId),
      intArray(rows, ([, counts]) => counts.workflowsTriggered),
      intArray(rows, ([, counts]) => counts.executionsResumed),
    ],
  });
}

async function insertOutbox(tx: Queryable, entries: readonly OutboxEntry[]): Promise<void> {
  await tx.query({
    name: 'trigger.write_outbox',
    text: `INSERT INTO trigger.outbox (id, partition, kind, body)
           SELECT id, partition, kind, body::json FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[])
             AS o (id, partition, kind, body)`,
    values: [
      uuidArray(entries, (entry) => entry.id),
      intArray(entries, (entry) => entry.partition),
      textArray(entries, (entry) => entry.kind),
      textArray(entries, (entry) => JSON.stringify(entry.body)),
    ],
  });
}
