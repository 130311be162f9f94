import { ADMITTED, INBOUND, REFUSED } from '@trackline/contracts';
import { assertCount } from '../scenario.ts';
import { drain } from '../stage/drain.ts';
import { slowest, type Part } from '../stage/passage.ts';
import { fillInbound, makeCustomers, type Filled } from '../stage/source-events.ts';
import { PARTITIONS, Stage } from '../stage/stage.ts';
import { openTopicEnds, type TopicEnds } from '../stage/topic-ends.ts';
import { WARM_SHARE, type DoorRound } from './kafka-door.ts';

type Process = ReturnType<Stage['baseline']>;

/** How a baseline is set up, and how far it has come. */
interface Contender {
  /** What stands behind the first, then the first: it begins when all else is up. */
  start(stage: Stage): Promise<readonly Process[]>;
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
      count: async () => slowest(filled.sent, await contender.parts(stage, ends, filled)),
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
    return ['bare-trigger', 'bare-timeline', 'bare-loop'].map((name) =>
      stage.baseline(name, { ...ENV, PUBLISHER: publisher }),
    );
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
  start: async (stage) =>
    ['trigger', 'timeline', 'meter'].map((role) =>
      stage.baseline('nest-service', { ...ENV, ROLE: role }, `nest-${role}`),
    ),
  parts: async (stage, ends, filled) => [
    [await ends.sum(ADMITTED, REFUSED), filled.sent],
    [await rowsOf(stage, 'nest_event'), filled.sent],
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
  parts: async (stage, _ends, filled) => [[await rowsOf(stage, 'benthos_event'), admittedOf(filled)]],
  rows: [['SELECT count(*)::bigint AS n FROM benthos_event', admittedOf]],
});

/** 0 as long as the table is not there. */
async function rowsOf(stage: Stage, table: string): Promise<number> {
  const isThere = await stage.count(`SELECT (to_regclass($1) IS NOT NULL)::int AS n`, [table]);
  return isThere ? stage.count(`SELECT count(*)::bigint AS n FROM ${table}`) : 0;
}
