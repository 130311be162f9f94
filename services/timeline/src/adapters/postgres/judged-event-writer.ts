import type { JudgedEvent, RefusedEvent } from '@trackline/contracts';
import type { Database, Queryable } from '@trackline/postgres';
import type { PartitionedTable } from '../../domain/retention.ts';
import type { AdmittedWriter, Commit, EventWriter, PartitionInventory, RefusedWriter } from '../../ports.ts';
import { writePartitioned } from './partitioned-write.ts';
import { movePositions, Overtaken } from './positions.ts';

interface Table<Event> {
  readonly table: PartitionedTable;
  readonly timeOf: (event: Event) => number;
  readonly insert: (tx: Queryable, events: readonly Event[]) => Promise<number>;
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** In the order of the statements' first ten parameters. */
const columns = (events: readonly JudgedEvent[]): unknown[] => [
  events.map((event) => iso(event.occurredAtMs)),
  events.map((event) => iso(event.receivedAtMs)),
  events.map((event) => event.eventId),
  events.map((event) => event.organizationId),
  events.map((event) => event.contactId),
  events.map((event) => event.name),
  events.map((event) => event.source),
  events.map((event) => event.uniqueId ?? null),
  events.map((event) => event.clientId ?? null),
  events.map((event) => event.properties.toString()),
];

const INSERT_EVENTS = `
  INSERT INTO timeline.event (occurred_at, received_at, id, organization_id, contact_id, name, source, unique_id, client_id, properties, backfill)
  SELECT occurred_at, received_at, id, organization_id, contact_id, name, source, unique_id, client_id, properties::jsonb, backfill
  FROM unnest($1::timestamptz[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::boolean[])
    AS judged (occurred_at, received_at, id, organization_id, contact_id, name, source, unique_id, client_id, properties, backfill)
  ON CONFLICT DO NOTHING
`;

const eventTable: Table<JudgedEvent> = {
  table: 'event',
  timeOf: (event) => event.occurredAtMs,
  async insert(tx, events) {
    const { rowCount } = await tx.query({
      name: 'timeline-insert-events',
      text: INSERT_EVENTS,
      values: [...columns(events), events.map((event) => event.backfill)],
    });
    return rowCount;
  },
};

const INSERT_REFUSALS = `
  INSERT INTO timeline.refusal (occurred_at, received_at, id, organization_id, contact_id, name, source, unique_id, client_id, properties, verdict, duplicate_of)
  SELECT occurred_at, received_at, id, organization_id, contact_id, name, source, unique_id, client_id, properties::jsonb, verdict, duplicate_of
  FROM unnest($1::timestamptz[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::uuid[])
    AS judged (occurred_at, received_at, id, organization_id, contact_id, name, source, unique_id, client_id, properties, verdict, duplicate_of)
  ON CONFLICT DO NOTHING
`;

const refusalTable: Table<RefusedEvent> = {
  table: 'refusal',
  timeOf: (event) => event.receivedAtMs,
  async insert(tx, events) {
    const { rowCount } = await tx.query({
      name: 'timeline-insert-refusals',
      text: INSERT_REFUSALS,
      values: [
        ...columns(events),
        events.map(({ refusal }) => refusal.verdict),
        events.map(({ refusal }) => (refusal.verdict === 'duplicate' ? refusal.duplicateOf : null)),
      ],
    });
    return rowCount;
  },
};

const judgedEventWriter = <Event extends JudgedEvent>(
  database: Database,
  inventory: PartitionInventory,
  { table, timeOf, insert }: Table<Event>,
): EventWriter<Event> => ({
  async commit(owner, moves, events): Promise<Commit> {
    const commit = () =>
      database.transaction(
        async (tx) => {
          if (!(await movePositions(tx, owner, moves))) throw new Overtaken();
          return events.length === 0 ? 0 : insert(tx, events);
        },
        // A move without an effect may be lost: the messages come again and have none again.
        { durable: events.length > 0 },
      );
    try {
      const written = await writePartitioned(database, inventory, {
        table,
        rows: events,
        timeOf,
        insert,
        commit,
      });
      return typeof written === 'number'
        ? { kind: 'committed', written }
        : { kind: 'unstorable', ...written };
    } catch (error) {
      if (error instanceof Overtaken) return { kind: 'overtaken' };
      throw error;
    }
  },
});

export const admittedWriter = (database: Database, inventory: PartitionInventory): AdmittedWriter =>
  judgedEventWriter(database, inventory, eventTable);

export const refusedWriter = (database: Database, inventory: PartitionInventory): RefusedWriter =>
  judgedEventWriter(database, inventory, refusalTable);
