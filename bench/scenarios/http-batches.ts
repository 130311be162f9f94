import { ADMITTED } from '@trackline/contracts';
import type { LoadResult } from '../load/http-load.ts';
import { costOf } from '../measure/cost.ts';
import { interleave } from '../measure/interleave.ts';
import { median } from '../measure/statistics.ts';
import { alone, compared, type Scenario } from '../scenario.ts';
import { answersOf, assertAnswered, HttpCallers } from '../stage/callers.ts';
import { drain } from '../stage/drain.ts';
import type { Stage } from '../stage/stage.ts';
import { openTopicEnds } from '../stage/topic-ends.ts';
import { USUAL_MIX } from '../stage/source-events.ts';
import { batchRequests } from './http-customers.ts';
import { COUNTED_OF_HTTP, openHttpStage } from './http-stage.ts';
import { kafkaDoorRound, WARM_SHARE, type DoorRound } from './kafka-door.ts';

const EVENTS_OF_A_ROUND = 80_000;
const BATCH = 1_000;
const CALLERS = 8;
const LEAST_RATIO = 0.8;

interface BatchRound extends DoorRound {
  /** Requests one of whose events was not judged by the deadline. */
  readonly undecided: number;
  /** Requests that were answered with neither 200 nor 202. */
  readonly others: number;
}

/** The same events by HTTP, a thousand in a request, as by the Kafka door. */
export const httpBatches: Scenario = {
  name: 'http-batches',
  says: 'POST /v1/events/batch with 1,000 events, until they are answered and on the timeline; beside the same events at the Kafka door',
  async run({ rounds, events = EVENTS_OF_A_ROUND, say }) {
    const told =
      <Round extends DoorRound>(side: string, round: () => Promise<Round>) =>
      async (): Promise<Round> => {
        const taken = await round();
        say(`${side}: ${Math.round(taken.eventsPerSecond).toLocaleString('en')} events/s`);
        return taken;
      };
    const taken = await interleave<'batches' | 'door', DoorRound & Partial<BatchRound>>(rounds, {
      batches: told('HTTP batches', () => batchRound(events)),
      door: told('Kafka door', () => doorRound(events)),
    });
    const rate = (side: 'batches' | 'door') =>
      median(taken[side].map(({ eventsPerSecond }) => eventsPerSecond));
    const sum = (of: 'undecided' | 'others') =>
      taken.batches.reduce((total, round) => total + (round[of] ?? 0), 0);
    return {
      figures: [
        compared(
          'HTTP batches of 1,000, beside the Kafka door',
          'events/s',
          { ours: rate('batches'), baseline: rate('door') },
          { atLeast: LEAST_RATIO },
        ),
        alone(
          'HTTP batches of 1,000, requests not wholly judged by the deadline',
          'requests',
          sum('undecided'),
        ),
        alone('HTTP batches of 1,000, other answers than 200', 'requests', sum('others'), { atMost: 0 }),
      ],
      costs: [costOf('HTTP batches', taken.batches), costOf('Kafka door', taken.door)],
      rounds: [...taken.batches, ...taken.door],
      exact: ['every round: ledger, usage and timeline hold what was sent'],
    };
  },
};

/** As many before it is measured as the batches have had by then, and no unique ids either. */
const doorRound = (events: number): Promise<DoorRound> => {
  const before = USUAL_MIX.organizations * BATCH;
  const all = before + Math.ceil(events / BATCH) * BATCH;
  return kafkaDoorRound({
    events: all,
    mix: { ...USUAL_MIX, uniqueEvery: 0 },
    warmShare: (before + WARM_SHARE * (all - before)) / all,
  });
};

/** Of each reader, the source offsets that it has put behind it: events, but for a tick record where a partition lay idle for a second. */
const POSITIONS = `
  SELECT least(
    (SELECT coalesce(sum(source_offset + 1), 0) FROM trigger.position WHERE topic = $1 AND source LIKE 'received.%'),
    (SELECT coalesce(sum(source_offset + 1), 0) FROM timeline.position WHERE topic = $1 AND source LIKE 'received.%')
  )::bigint AS n`;

async function batchRound(events: number): Promise<BatchRound> {
  const { stage, instances, customers, origins } = await openHttpStage();
  let callers: HttpCallers | undefined;
  try {
    callers = new HttpCallers({ origins, requests: batchRequests(customers, BATCH) });
    // One of each customer, that nothing is met for the first time, and that each partition has come to its first event.
    const before = await callers.run({ kind: 'count', callers: CALLERS, requests: customers.length });
    await assertExact(stage, [before]);
    const done = await stage.count(POSITIONS, [ADMITTED]);
    const ends = await openTopicEnds(stage.kafka);
    const published = await ends.sum(ADMITTED);
    const requests = Math.ceil(events / BATCH);
    const running = callers.run({ kind: 'count', callers: CALLERS, requests });
    let refused = 0;
    running.then(
      (result) => (refused = answersOf([result]).others * BATCH),
      // Told where it is awaited.
      () => undefined,
    );
    const drained = await drain({
      // What was refused in the end is not waited for.
      progress: async () => ({
        first: (await ends.sum(ADMITTED)) - published + refused,
        last: (await stage.count(POSITIONS, [ADMITTED])) - done + refused,
      }),
      expected: requests * BATCH,
      warmShare: WARM_SHARE,
      watched: [callers.process, ...stage.watched(...instances.map(({ process }) => process))],
      isAlive: () => instances.every(({ process }) => process.isRunning),
    });
    await ends.close();
    const result = await running;
    await assertExact(stage, [before, result]);
    const { others } = answersOf([before, result]);
    return { ...drained, undecided: before.undecided + result.undecided, others };
  } finally {
    callers?.close();
    await stage.close();
  }
}

async function assertExact(stage: Stage, results: readonly LoadResult[]): Promise<void> {
  for (const [what, text] of [
    ['identities in the ledger', 'SELECT count(*)::bigint AS n FROM dedup_meter.event_identity'],
    ...COUNTED_OF_HTTP,
  ] as const)
    await assertAnswered(what, () => stage.count(text), answersOf(results), BATCH);
}
