import { Coalescer } from '@trackline/kernel';
import { intArray, textArray, uuidArray, type Database } from '@trackline/postgres';
import type { Execution, StepVisit } from '../../domain/execution.ts';
import type { ContactRef, ExecutionReader, WaitKey } from '../../ports.ts';
import { loadRemembered } from './remembered-rows.ts';
import {
  EXECUTION_COLUMNS,
  fromExecutionRow,
  fromStepRow,
  type ExecutionRow,
  type StepRow,
} from './execution-rows.ts';
import { settingsReader } from './settings-reader.ts';

export const executionReader = (database: Database): ExecutionReader => ({
  waitingFor: waitingReader(database),

  async byId(ids) {
    const { rows } = await database.query<ExecutionRow>({
      name: 'trigger.executions_by_id',
      text: `SELECT ${EXECUTION_COLUMNS} FROM trigger.execution e WHERE e.id = ANY ($1::uuid[])`,
      values: [uuidArray(ids, (id) => id)],
    });
    return new Map(rows.map((row) => [row.id, fromExecutionRow(row)]));
  },

  async visits(keys) {
    const { rows } = await database.query<StepRow & { execution_id: string }>({
      name: 'trigger.visits',
      text: `SELECT s.* FROM unnest($1::uuid[], $2::int[]) AS q (execution_id, visit)
             JOIN trigger.step s ON s.execution_id = q.execution_id AND s.visit = q.visit`,
      values: [uuidArray(keys, (key) => key.executionId), intArray(keys, (key) => key.visit)],
    });
    const visits = new Map<string, Map<number, StepVisit>>();
    for (const row of rows) {
      const own = visits.get(row.execution_id) ?? new Map<number, StepVisit>();
      visits.set(row.execution_id, own.set(row.visit, fromStepRow(row)));
    }
    return visits;
  },

  ...settingsReader(database),

  aliases: aliasReader(database),

  remembered: (refs) => loadRemembered(database, refs),

  ...effectReader(database),
});

/** Reads of partitions that begin in the same turn of the event loop are one; more keys than this go with the next. */
const MAX_KEYS_PER_READ = 3_000;

function waitingReader(database: Database): ExecutionReader['waitingFor'] {
  const reads = new Coalescer<WaitKey, Execution[]>(async (keys) => {
    const { rows } = await database.query<ExecutionRow>({
      name: 'trigger.waiting_for',
      text: `SELECT ${EXECUTION_COLUMNS}
             FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS q (organization_id, contact_id, event_name)
             JOIN trigger.wait w ON w.organization_id = q.organization_id AND w.contact_id = q.contact_id
               AND w.event_name = q.event_name
             JOIN trigger.execution e ON e.id = w.execution_id`,
      values: [
        uuidArray(keys, (key) => key.organizationId),
        uuidArray(keys, (key) => key.contactId),
        textArray(keys, (key) => key.eventName),
      ],
    });
    const byId = new Map(rows.map((row) => [row.id, fromExecutionRow(row)]));
    return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }, MAX_KEYS_PER_READ);
  return async (keys) => {
    const waiting = await reads.call(keys);
    if (waiting.length === 0) return waiting;
    const contacts = new Set(keys.map(({ contactId }) => contactId));
    return waiting.filter(({ contactId }) => contacts.has(contactId));
  };
}

function aliasReader(database: Database): ExecutionReader['aliases'] {
  const reads = new Coalescer<ContactRef, Map<string, string | null>>(async (refs) => {
    const { rows } = await database.query<{ contact_id: string; into_id: string | null }>({
      name: 'trigger.aliases',
      // LATERAL with a LIMIT: each by its key, whatever the planner thinks of tables that are empty most of the time.
      text: `SELECT q.contact_id, CASE WHEN g.erased IS NULL THEN a.into_id END AS into_id
             FROM unnest($1::uuid[], $2::uuid[]) AS q (organization_id, contact_id)
             LEFT JOIN LATERAL (
               SELECT into_id FROM trigger.contact_alias
               WHERE organization_id = q.organization_id AND contact_id = q.contact_id LIMIT 1) AS a ON true
             LEFT JOIN LATERAL (
               SELECT true AS erased FROM trigger.contact_erasure
               WHERE organization_id = q.organization_id AND contact_id = coalesce(a.into_id, q.contact_id) LIMIT 1) AS g ON true
             WHERE a.into_id IS NOT NULL OR g.erased`,
      values: [uuidArray(refs, (ref) => ref.organizationId), uuidArray(refs, (ref) => ref.contactId)],
    });
    return new Map(rows.map((row) => [row.contact_id, row.into_id]));
  }, MAX_KEYS_PER_READ);
  return async (refs) => {
    const aliases = await reads.call(refs);
    if (aliases.size === 0) return aliases;
    const own = new Set(refs.map(({ contactId }) => contactId));
    return new Map([...aliases].filter(([contactId]) => own.has(contactId)));
  };
}

/** What has taken effect. */
const effectReader = (
  database: Database,
): Pick<ExecutionReader, 'handled' | 'positions' | 'isDeadLetter'> => ({
  async handled(eventIds) {
    const { rows } = await database.query<{
      event_id: string;
      workflows_triggered: number;
      executions_resumed: number;
    }>({
      name: 'trigger.handled',
      text: `SELECT event_id, workflows_triggered, executions_resumed FROM trigger.handled WHERE event_id = ANY ($1::uuid[])`,
      values: [uuidArray(eventIds, (id) => id)],
    });
    return new Map(
      rows.map((row) => [
        row.event_id,
        { workflowsTriggered: row.workflows_triggered, executionsResumed: row.executions_resumed },
      ]),
    );
  },

  async positions(topic, partition) {
    const { rows } = await database.query<{ source: string; source_offset: number }>({
      name: 'trigger.positions',
      text: `SELECT source, source_offset FROM trigger.position WHERE topic = $1 AND partition = $2`,
      values: [topic, partition],
    });
    return new Map(rows.map((row) => [row.source, row.source_offset]));
  },

  async isDeadLetter(topic, partition, { source, offset }) {
    const { rows } = await database.query({
      name: 'trigger.is_dead_letter',
      text: `SELECT FROM trigger.dead_letter WHERE topic = $1 AND partition = $2 AND source = $3 AND source_offset = $4`,
      values: [topic, partition, source, offset],
    });
    return rows.length > 0;
  },
});
