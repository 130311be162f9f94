import { ADMITTED, INBOUND, REFUSED } from '@trackline/contracts';
import { assertCount } from '../scenario.ts';
import { groupJoined } from '../stage/consumer-group.ts';
import { drain } from '../stage/drain.ts';
import { slowest, type Part } from '../stage/passage.ts';
import { fillInbound, makeCustomers, type Filled } from '../stage/source-events.ts';
import { PARTITIONS, Stage } from '../stage/stage.ts';
import { openTopicEnds, type TopicEnds } from '../stage/topic-ends.ts';
import { WARM_SHARE, type DoorRound } from './kafka-door.ts';

type Process = ReturnType<Stage['baseline']>;

/** How a baseline is set up, and how far it has come. */
interface Contender {
  /** What reads the source begins when all that stands behind it has its partitions, as with ours. */
  start(stage: Stage): Promise<readonly Process[]>;
  /** What reads the source first. */
  parts(stage: Stage, ends: TopicEnds, filled: Filled): Promise<readonly Part[]>;
  /** Rows that have to be there in the end. */
  readonly rows: readonly (readonly [text: string, of: (filled: Filled) => number])[];
}

const ENV = { SOURCE_TOPIC: INBOUND, PARTITIONS: String(PARTITIONS.contact) };
const admittedOf = ({ sent, duplicates }: Filled): number => sent - duplicates;
const sentOf = ({ sent }: Filled): number => sent;

export async function baselineRound(contender: Contender, events: number): Promise<DoorRound> {
  const stage = await Stage.open([]);
  try {
    const customers = await makeCustomers(stage);
    const filled = await fillInbound(stage, customers, events);
    const processes = await contender.start(stage);
    const ends = await openTopicEnds(stage.kafka);
    const drained = await drain({
      progress: async () => {
        const parts = await contender.parts(stage, ends, filled);
        return { first: slowest(filled.sent, parts.slice(0, 1)), last: slowest(filled.sent, parts) };
      },
      expected: filled.sent,
      warmShare: WARM_SHARE,
      watched: stage.watched(...processes),
      isAlive: () => processes.every(({ isRunning }) => isRunning),
    });
    await ends.close();
    for (const [text, of] of contender.rows) assertCount(text, await stage.count(text), of(filled));
    return drained;
  } finally {
    await stage.close();
  }
}

/** Three processes, each its one job in batches, by kafkajs, pg and ioredis alone. */
export const barePipeline = (publisher: 'kafkajs' | 'ours'): Contender => ({
  start: async (stage) => {
    await stage.database.query({
      text: `CREATE TABLE bare_position (reader text, topic text, partition int, at bigint, PRIMARY KEY (reader, topic, partition))`,
    });
    const behind = ['bare-trigger', 'bare-timeline'].map((name) => stage.baseline(name, ENV));
    await Promise.all(behind.map(({ spec: { name } }) => groupJoined(stage.kafka, name, 1)));
    return [stage.baseline('bare-loop', { ...ENV, PUBLISHER: publisher }), ...behind];
  },
  parts: async (stage, ends, filled) => {
    const passed = (reader: string) =>
      stage.count('SELECT coalesce(sum(at + 1), 0)::bigint AS n FROM bare_position WHERE reader = $1', [
        reader,
      ]);
    return [
      [await ends.sum(ADMITTED, REFUSED), filled.sent],
      [await passed('bare-trigger'), admittedOf(filled)],
      [await passed('bare-timeline'), filled.sent],
    ];
  },
  rows: [
    ['SELECT count(*)::bigint AS n FROM bare_ledger', admittedOf],
    ['SELECT count(*)::bigint AS n FROM bare_event', sentOf],
  ],
});

/** How far its trigger has come nobody can see from outside; it has less to do than its timeline, for which this waits. */
export const stockNest: Contender = {
  start: async (stage) => {
    const start = (role: string) => stage.baseline('nest-service', { ...ENV, ROLE: role }, `nest-${role}`);
    const behind = ['trigger', 'timeline'].map(start);
    // The ending is Nest's.
    await Promise.all(behind.map(({ spec: { name } }) => groupJoined(stage.kafka, `${name}-server`, 1)));
    return [start('meter'), ...behind];
  },
  parts: async (stage, ends, filled) => [
    [await ends.sum(ADMITTED, REFUSED), filled.sent],
    [await rowsOf(stage, 'nest_event', filled.sent), filled.sent],
  ],
  rows: [
    ['SELECT count(*)::bigint AS n FROM nest_ledger', admittedOf],
    ['SELECT count(*)::bigint AS n FROM nest_event', sentOf],
  ],
};

/** One process that reads and writes, and does nothing. */
export const kafkajsRelay: Contender = {
  start: async (stage) => [stage.baseline('relay', { ...ENV, TARGET_TOPIC: ADMITTED })],
  parts: async (_stage, ends, filled) => [[await ends.sum(ADMITTED), filled.sent]],
  rows: [],
};

/** One hop: seen before, and a row. */
export const benthos = (binary: string): Contender => ({
  start: async (stage) => [stage.program('benthos', binary, ['-c', stage.baselineFile('benthos.yaml')], ENV)],
  parts: async (stage, _ends, filled) => [
    [await rowsOf(stage, 'benthos_event', admittedOf(filled)), admittedOf(filled)],
  ],
  rows: [['SELECT count(*)::bigint AS n FROM benthos_event', admittedOf]],
});

/**
 * Rows so far, by the sequence of their serials: to count them ten times a second would be paid by the baseline alone. That runs ahead of
 * what is committed, so the last word has the count. 0 as long as the table is not there.
 */
async function rowsOf(stage: Stage, table: string, expected: number): Promise<number> {
  const isThere = await stage.count(`SELECT (to_regclass($1) IS NOT NULL)::int AS n`, [table]);
  if (!isThere) return 0;
  const begun = await stage.count(
    `SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS n FROM ${table}_serial_seq`,
  );
  return begun < expected ? begun : stage.count(`SELECT count(*)::bigint AS n FROM ${table}`);
}
