import type { Queryable } from '@trackline/postgres';
import type { ChangedExecution } from '../../domain/effects.ts';
import type { Execution } from '../../domain/execution.ts';
import type { PartitionOf } from './partition-of.ts';
import { toTime } from './execution-rows.ts';

type Column = readonly [name: string, type: string, value: (execution: Execution) => unknown];

/** What never changes in the life of an execution. */
const FIXED: readonly Column[] = [
  ['organization_id', 'uuid', (e) => e.organizationId],
  ['workflow_id', 'uuid', (e) => e.workflowId],
  ['workflow_version', 'int', (e) => e.workflowVersion],
  ['contact_id', 'uuid', (e) => e.contactId],
  ['trigger', 'jsonb', (e) => JSON.stringify(e.trigger)],
  ['started_at', 'timestamptz', (e) => toTime(e.startedAtMs)],
  ['sole', 'boolean', (e) => e.sole],
];

const MOVING: readonly Column[] = [
  ['status', 'text', (e) => e.status],
  ['reason', 'text', (e) => e.reason],
  ['step_id', 'text', (e) => e.stepId],
  ['visits', 'int', (e) => e.visits],
  ['revision', 'int', (e) => e.revision],
  // A list of lists has no array of its own: as JSON, unpacked below.
  ['waits_for', 'json', (e) => JSON.stringify(e.waitsFor)],
  ['due_at', 'timestamptz', (e) => toTime(e.dueAtMs)],
  ['entered_at', 'timestamptz', (e) => toTime(e.enteredAtMs)],
  ['held', 'boolean', (e) => e.held],
  ['resumes', 'jsonb', (e) => JSON.stringify(e.resumes)],
  ['latest_resume', 'text', (e) => e.latestResume],
  ['requested', 'jsonb', (e) => JSON.stringify(e.requested)],
  ['taken', 'jsonb', (e) => JSON.stringify(e.taken)],
  ['retry_from', 'text', (e) => e.retryFrom],
  ['moved_at', 'timestamptz', (e) => toTime(e.movedAtMs)],
  ['ended_at', 'timestamptz', (e) => toTime(e.endedAtMs)],
];

const unpacked = (name: string): string =>
  name === 'waits_for' ? `ARRAY(SELECT json_array_elements_text(c.waits_for))` : `c.${name}`;

/** JSON travels as text: an array of jsonb would have to be escaped twice. */
const source = (columns: readonly Column[]): string => {
  const types = columns.map(
    ([, type], index) => `$${index + 1}::${type.startsWith('json') ? 'text' : type}[]`,
  );
  const cast = columns.map(([name, type]) => (type.startsWith('json') ? `r.${name}::${type}` : `r.${name}`));
  const names = columns.map(([name]) => name).join(', ');
  return `(SELECT ${cast.join(', ')} FROM unnest(${types.join(', ')}) AS r (${names})) AS c (${names})`;
};

const ID: Column = ['id', 'uuid', (e) => e.id];
/** Filled by its own list. */
const PARTITION: Column = ['partition', 'int', () => undefined];
const FROM_REVISION: Column = ['from_revision', 'int', () => undefined];

const INSERTED = [ID, ...FIXED, ...MOVING, PARTITION];
const INSERT = `INSERT INTO trigger.execution (${INSERTED.map(([name]) => name).join(', ')})
  SELECT ${INSERTED.map(([name]) => unpacked(name)).join(', ')} FROM ${source(INSERTED)}`;

const UPDATED = [ID, ...MOVING, FROM_REVISION];
const UPDATE = `UPDATE trigger.execution e
  SET ${MOVING.map(([name]) => `${name} = ${unpacked(name)}`).join(', ')}
  FROM ${source(UPDATED)} WHERE e.id = c.id AND e.revision = c.from_revision`;

export async function insertExecutions(
  tx: Queryable,
  started: readonly ChangedExecution[],
  partitionOf: PartitionOf,
): Promise<void> {
  const executions = started.map(({ execution }) => execution);
  await tx.query({
    name: 'trigger.insert_executions',
    text: INSERT,
    values: [
      ...[ID, ...FIXED, ...MOVING].map(([, , value]) => executions.map(value)),
      executions.map((execution) => partitionOf(execution)),
    ],
  });
}

/** Each on the revision that was read. Gives how many still had it. */
export async function updateExecutions(tx: Queryable, moved: readonly ChangedExecution[]): Promise<number> {
  // Rows are locked in this order by every writer, so that two of them never wait for each other in a circle.
  const sorted = [...moved].sort((a, b) => (a.execution.id < b.execution.id ? -1 : 1));
  const { rowCount } = await tx.query({
    name: 'trigger.update_executions',
    text: UPDATE,
    values: [
      ...[ID, ...MOVING].map(([, , value]) => sorted.map(({ execution }) => value(execution))),
      sorted.map(({ from }) => from),
    ],
  });
  return rowCount;
}
