import type { JudgedEvent, RefusedEvent } from '@trackline/contracts';
import {
  booleanArray,
  jsonbArray,
  momentArray,
  textArray,
  uuidArray,
  type Database,
  type Queryable,
} from '@trackline/postgres';
import type { PartitionedTable } from '../../domain/retention.ts';
import type { PositionMove } from '../../domain/source-positions.ts';
import type {
  AdmittedWriter,
  Commit,
  EventWriter,
  OwnPartition,
  PartitionInventory,
  RefusedWriter,
} from '../../ports.ts';
import { writePartitioned } from './partitioned-write.ts';
import { untilUncontended, type OrderRecorder } from './attribution/attribution-writes.ts';
import { movePositions, movePositionsAndEnter, Overtaken } from './positions.ts';

interface Table<Event> {
  readonly table: PartitionedTable;
  readonly timeOf: (event: Event) => number;
  readonly insert: (tx: Queryable, events: readonly Event[]) => Promise<number>;
}

/** In the order of the statements' first ten parameters. */
const columns = (events: readonly JudgedEvent[]): Buffer[] => [
  momentArray(events, (event) => event.occurredAtMs),
  momentArray(events, (event) => event.receivedAtMs),
  uuidArray(events, (event) => event.eventId),
  uuidArray(events, (event) => event.organizationId),
  uuidArray(events, (event) => event.contactId),
  textArray(events, (event) => event.name),
  textArray(events, (event) => event.source),
  textArray(events, (event) => event.uniqueId),
  textArray(events, (event) => event.clientId),
  jsonbArray(events, (event) => event.properties),
];

const INSERT_EVENTS = `
  INSERT INTO timeline.event (occurred_at, received_at, id, organization_id, contact_id, name, source, unique_id, client_id, properties, backfill)
  SELECT occurred_at, received_at, id, organization_id, contact_id, name, source, unique_id, client_id, properties, backfill
  FROM unnest($1::timestamptz[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::jsonb[], $11::boolean[])
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
      values: [...columns(events), booleanArray(events, (event) => event.backfill)],
    });
    return rowCount;
  },
};

const INSERT_REFUSALS = `
  INSERT INTO timeline.refusal (occurred_at, received_at, id, organization_id, contact_id, name, source, unique_id, client_id, properties, verdict, duplicate_of)
  SELECT occurred_at, received_at, id, organization_id, contact_id, name, source, unique_id, client_id, properties, verdict, duplicate_of
  FROM unnest($1::timestamptz[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::jsonb[], $11::text[], $12::uuid[])
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
        textArray(events, ({ refusal }) => refusal.verdict),
        uuidArray(events, ({ refusal }) => (refusal.verdict === 'duplicate' ? refusal.duplicateOf : null)),
      ],
    });
    return rowCount;
  },
};

interface Writing<Event> {
  readonly table: Table<Event>;
  /** Moves the positions and puts the events down, inside one transaction. Throws `Overtaken`. */
  readonly write: (
    tx: Queryable,
    owner: OwnPartition,
    moves: readonly PositionMove[],
    events: readonly Event[],
  ) => Promise<number>;
}

const judgedEventWriter = <Event extends JudgedEvent>(
  database: Database,
  inventory: PartitionInventory,
  { table, write }: Writing<Event>,
): EventWriter<Event> => ({
  async commit(owner, moves, events): Promise<Commit> {
    try {
      const written = await writePartitioned(database, inventory, {
        ...table,
        rows: events,
        commit: () =>
          untilUncontended(
            database,
            (tx) => write(tx, owner, moves, events),
            // A move without an effect may be lost: the messages come again and have none again.
            { durable: events.length > 0 },
          ),
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

/** Orders among the events are attributed in the same transaction. */
export const admittedWriter = (
  database: Database,
  inventory: PartitionInventory,
  orders: OrderRecorder,
): AdmittedWriter => ({
  async commit(owner, moves, events) {
    const organizationIds = await orders.ensure(events);
    const writer = judgedEventWriter<JudgedEvent>(database, inventory, {
      table: eventTable,
      async write(tx) {
        const version = await movePositionsAndEnter(tx, owner, moves);
        if (version === undefined) throw new Overtaken();
        if (events.length === 0) return 0;
        const written = await eventTable.insert(tx, events);
        await orders.record(tx, owner, { version, organizationIds }, events);
        return written;
      },
    });
    return writer.commit(owner, moves, events);
  },
});

export const refusedWriter = (database: Database, inventory: PartitionInventory): RefusedWriter =>
  judgedEventWriter(database, inventory, {
    table: refusalTable,
    async write(tx, owner, moves, events) {
      if (!(await movePositions(tx, owner, moves))) throw new Overtaken();
      return events.length === 0 ? 0 : refusalTable.insert(tx, events);
    },
  });
