import {
  booleanArray,
  intArray,
  jsonbArray,
  momentArray,
  textArray,
  uuidArray,
  type Queryable,
} from '@trackline/postgres';
import type { ChangedExecution } from '../../domain/effects.ts';
import type { Execution } from '../../domain/execution.ts';
import type { PartitionOf } from './partition-of.ts';

interface Parameter {
  readonly name: string;
  readonly type: string;
}

interface Column extends Parameter {
  readonly array: (executions: readonly Execution[]) => Buffer;
}

type Value<Result> = (execution: Execution) => Result | null;

const uuid = (name: string, value: Value<string>): Column => ({
  name,
  type: 'uuid',
  array: (executions) => uuidArray(executions, value),
});
const text = (name: string, value: Value<string>): Column => ({
  name,
  type: 'text',
  array: (executions) => textArray(executions, value),
});
const int = (name: string, value: Value<number>): Column => ({
  name,
  type: 'int',
  array: (executions) => intArray(executions, value),
});
const moment = (name: string, valueMs: Value<number>): Column => ({
  name,
  type: 'timestamptz',
  array: (executions) => momentArray(executions, valueMs),
});
const boolean = (name: string, value: Value<boolean>): Column => ({
  name,
  type: 'boolean',
  array: (executions) => booleanArray(executions, value),
});
const jsonb = (name: string, value: Value<object>): Column => ({
  name,
  type: 'jsonb',
  array: (executions) => jsonbArray(executions, (execution) => JSON.stringify(value(execution))),
});

const ID = uuid('id', (e) => e.id);

/** What never changes in the life of an execution. */
const FIXED: readonly Column[] = [
  uuid('organization_id', (e) => e.organizationId),
  uuid('workflow_id', (e) => e.workflowId),
  int('workflow_version', (e) => e.workflowVersion),
  uuid('contact_id', (e) => e.contactId),
  jsonb('trigger', (e) => e.trigger),
  moment('started_at', (e) => e.startedAtMs),
  boolean('sole', (e) => e.sole),
];

const MOVING: readonly Column[] = [
  text('status', (e) => e.status),
  text('reason', (e) => e.reason),
  text('step_id', (e) => e.stepId),
  int('visits', (e) => e.visits),
  int('revision', (e) => e.revision),
  // A list of lists has no array of its own: as JSON, unpacked below.
  jsonb('waits_for', (e) => e.waitsFor),
  moment('due_at', (e) => e.dueAtMs),
  moment('entered_at', (e) => e.enteredAtMs),
  boolean('held', (e) => e.held),
  jsonb('resumes', (e) => e.resumes),
  text('latest_resume', (e) => e.latestResume),
  jsonb('requested', (e) => e.requested),
  jsonb('taken', (e) => e.taken),
  text('retry_from', (e) => e.retryFrom),
  moment('moved_at', (e) => e.movedAtMs),
  moment('ended_at', (e) => e.endedAtMs),
];

const unpacked = ({ name }: Parameter): string =>
  name === 'waits_for' ? `ARRAY(SELECT jsonb_array_elements_text(c.waits_for))` : `c.${name}`;

const namesOf = (parameters: readonly Parameter[]): string => parameters.map(({ name }) => name).join(', ');

const source = (parameters: readonly Parameter[]): string => {
  const arrays = parameters.map(({ type }, index) => `$${index + 1}::${type}[]`);
  return `unnest(${arrays.join(', ')}) AS c (${namesOf(parameters)})`;
};

/** Filled by their own lists, behind the columns'. */
const PARTITION: Parameter = { name: 'partition', type: 'int' };
const FROM_REVISION: Parameter = { name: 'from_revision', type: 'int' };

const INSERTED: readonly Column[] = [ID, ...FIXED, ...MOVING];
const INSERT = `INSERT INTO trigger.execution (${namesOf([...INSERTED, PARTITION])})
  SELECT ${[...INSERTED, PARTITION].map(unpacked).join(', ')} FROM ${source([...INSERTED, PARTITION])}`;

const UPDATED: readonly Column[] = [ID, ...MOVING];
const UPDATE = `UPDATE trigger.execution e
  SET ${MOVING.map((column) => `${column.name} = ${unpacked(column)}`).join(', ')}
  FROM ${source([...UPDATED, FROM_REVISION])} WHERE e.id = c.id AND e.revision = c.from_revision`;

export async function insertExecutions(
  tx: Queryable,
  started: readonly ChangedExecution[],
  partitionOf: PartitionOf,
): Promise<void> {
  const executions = started.map(({ execution }) => execution);
  await tx.query({
    name: 'trigger.insert_executions',
    text: INSERT,
    values: [...INSERTED.map(({ array }) => array(executions)), intArray(executions, partitionOf)],
  });
}

/** Each on the revision that was read. Gives how many still had it. */
export async function updateExecutions(tx: Queryable, moved: readonly ChangedExecution[]): Promise<number> {
  // Rows are locked in this order by every writer, so that two of them never wait for each other in a circle.
  const sorted = [...moved].sort((a, b) => (a.execution.id < b.execution.id ? -1 : 1));
  const executions = sorted.map(({ execution }) => execution);
  const { rowCount } = await tx.query({
    name: 'trigger.update_executions',
    text: UPDATE,
    values: [...UPDATED.map(({ array }) => array(executions)), intArray(sorted, ({ from }) => from)],
  });
  return rowCount;
}
