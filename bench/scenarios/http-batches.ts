import { ADMITTED } from '@trackline/contracts';
import { eventually, type FleetInstance } from '@trackline/testkit';
import { costOf } from '../measure/cost.ts';
import { interleave } from '../measure/interleave.ts';
import { median } from '../measure/statistics.ts';
import { alone, assertCount, compared, type Scenario } from '../scenario.ts';
import { answersOf, HttpCallers } from '../stage/callers.ts';
import { drain } from '../stage/drain.ts';
import { Stage } from '../stage/stage.ts';
import { batchRequests, makeCallers } from './http-customers.ts';
import { enableForEach, kafkaDoorRound, WARM_SHARE, type DoorRound } from './kafka-door.ts';

const EVENTS_OF_A_ROUND = 80_000;
const BATCH = 1_000;
const CALLERS = 8;
const LEAST_RATIO = 0.8;
const SETTLED_WITHIN_MS = 60_000;
const SERVICES = ['trigger', 'timeline', 'dedup-meter', 'ingest'] as const;

interface BatchRound extends DoorRound {
  /** Requests one of whose events was not judged by the deadline. */
  readonly undecided: number;
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
      door: told('Kafka door', () => kafkaDoorRound({ events })),
    });
    const rate = (side: 'batches' | 'door') =>
      median(taken[side].map(({ eventsPerSecond }) => eventsPerSecond));
    const undecided = taken.batches.reduce((sum, round) => sum + (round.undecided ?? 0), 0);
    return {
      figures: [
        compared(
          'HTTP batches of 1,000, beside the Kafka door',
          'events/s',
          { ours: rate('batches'), baseline: rate('door') },
          { atLeast: LEAST_RATIO },
        ),
        alone('HTTP batches of 1,000, requests not wholly judged by the deadline', 'requests', undecided),
      ],
      costs: [costOf('HTTP batches', taken.batches), costOf('Kafka door', taken.door)],
      rounds: [...taken.batches, ...taken.door],
      exact: ['every round: ledger, usage and timeline hold what was sent'],
    };
  },
};

/** Of each reader, the source offsets that it has put behind it: events, but for a tick record where a partition lay idle for a second. */
const POSITIONS = `
  SELECT least(
    (SELECT coalesce(sum(source_offset + 1), 0) FROM trigger.position WHERE topic = $1 AND source LIKE 'received.%'),
    (SELECT coalesce(sum(source_offset + 1), 0) FROM timeline.position WHERE topic = $1 AND source LIKE 'received.%')
  )::bigint AS n`;

async function batchRound(events: number): Promise<BatchRound> {
  const stage = await Stage.open(SERVICES);
  let callers: HttpCallers | undefined;
  try {
    const instances: FleetInstance[] = [];
    for (const name of SERVICES) instances.push(await stage.service(name));
    const customers = await makeCallers(stage);
    await enableForEach(stage, instances[0]!, customers);
    callers = new HttpCallers({ origin: instances.at(-1)!.url, requests: batchRequests(customers, BATCH) });
    // One of each customer, that nothing is met for the first time, and that each partition has come to its first event.
    const before = await callers.run({ kind: 'count', callers: CALLERS, requests: customers.length });
    const done = await stage.count(POSITIONS, [ADMITTED]);
    const requests = Math.ceil(events / BATCH);
    const running = callers.run({ kind: 'count', callers: CALLERS, requests });
    const drained = await drain({
      count: async () => (await stage.count(POSITIONS, [ADMITTED])) - done,
      expected: requests * BATCH,
      warmShare: WARM_SHARE,
      watched: [callers.process, ...stage.watched(...instances.map(({ process }) => process))],
      isAlive: () => instances.every(({ process }) => process.isRunning),
    });
    const result = await running;
    const sent = (customers.length + requests) * BATCH;
    assertCount('requests answered with 200', answersOf([before, result]).whole, customers.length + requests);
    for (const text of [
      'SELECT count(*)::bigint AS n FROM dedup_meter.event_identity',
      'SELECT coalesce(sum(used), 0)::bigint AS n FROM dedup_meter.usage',
      'SELECT count(*)::bigint AS n FROM timeline.event',
    ]) {
      await eventually(async () => (await stage.count(text)) >= sent, { withinMs: SETTLED_WITHIN_MS });
      assertCount(text, await stage.count(text), sent);
    }
    return { ...drained, undecided: result.undecided };
  } finally {
    callers?.close();
    await stage.close();
  }
}
