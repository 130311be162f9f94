import { ADMITTED, INBOUND, RECEIVED, REFUSED } from '@trackline/contracts';
import { costOf, type RoundCost } from '../measure/cost.ts';
import { interleave } from '../measure/interleave.ts';
import { median } from '../measure/statistics.ts';
import { assertCount, compared, type Figure, type Scenario, type ScenarioSettings } from '../scenario.ts';
import { alike, drain } from '../stage/drain.ts';
import { PARTITIONS, Stage } from '../stage/stage.ts';
import { openTopicEnds } from '../stage/topic-ends.ts';
import { fillInbound, fillReceived, makeCustomers, type Filled } from '../stage/source-events.ts';

const USUAL_EVENTS = 200_000;
const LEAST_RATIO = 0.75;
/** What is published before that share of all is warm-up. */
const WARM_SHARE = 0.25;

/** `bare loop, our publisher` shows what exactness alone costs: kafkajs takes longer to encode what it publishes than the rest of a loop takes. */
const SIDES = ['ours', 'bare loop', 'bare loop, our publisher'] as const;
type Side = (typeof SIDES)[number];

interface Round {
  readonly side: Side;
  readonly topic: string;
  readonly eventsPerSecond: number;
  readonly cost: RoundCost;
}

/** A backlog of events through the Kafka door and through ingest's topic, until all verdicts are published. */
export const admission: Scenario = {
  name: 'admission',
  isLong: true,
  says: 'a backlog on a source topic, judged, committed and published by one dedup-meter; beside a bare loop on a copy of it',
  async run(settings) {
    const figures: Figure[] = [];
    const costs = [];
    const rounds: Round[] = [];
    for (const topic of [RECEIVED, INBOUND]) {
      const taken = await interleave(settings.rounds, {
        ours: () => round('ours', topic, settings),
        'bare loop': () => round('bare loop', topic, settings),
        'bare loop, our publisher': () => round('bare loop, our publisher', topic, settings),
      });
      for (const side of SIDES) {
        rounds.push(...taken[side]);
        costs.push(costOf(`${topic}, ${side}`, taken[side]));
        if (side !== 'ours') figures.push(figure(topic, side, rateOf(taken.ours), rateOf(taken[side])));
      }
    }
    return { figures, costs, rounds, exact: ['every round: ledger, usage and topics hold what was sent'] };
  },
};

const figure = (topic: string, side: Side, ours: number, baseline: number): Figure =>
  compared(
    `${topic}, beside a ${side}`,
    'events/s',
    { ours, baseline },
    // A direct producer's events are decoded, validated and get their contact here; the bare loop does none of it.
    topic === RECEIVED && side === 'bare loop' ? { atLeast: LEAST_RATIO } : undefined,
  );

const rateOf = (rounds: readonly Round[]): number =>
  median(rounds.map(({ eventsPerSecond }) => eventsPerSecond));

async function round(side: Side, topic: string, { events, say }: ScenarioSettings): Promise<Round> {
  const stage = await Stage.open(['dedup-meter']);
  try {
    const customers = await makeCustomers(stage);
    const fill = topic === RECEIVED ? fillReceived : fillInbound;
    const filled = await fill(stage, customers, events ?? USUAL_EVENTS);
    const worker =
      side === 'ours'
        ? (await stage.service('dedup-meter')).process
        : stage.baseline('bare-loop', {
            SOURCE_TOPIC: topic,
            PARTITIONS: String(PARTITIONS.contact),
            PUBLISHER: side === 'bare loop' ? 'kafkajs' : 'ours',
          });
    const ends = await openTopicEnds(stage.kafka);
    const { eventsPerSecond, cost } = await drain({
      progress: async () => alike(await ends.sum(ADMITTED, REFUSED)),
      expected: filled.sent,
      warmShare: WARM_SHARE,
      watched: stage.watched(worker),
      isAlive: () => worker.isRunning,
    });
    await ends.close();
    await worker.stop();
    await assertExact(side, stage, filled);
    say(`${topic} ${side}: ${Math.round(eventsPerSecond).toLocaleString('en')} events/s`);
    return { side, topic, eventsPerSecond, cost };
  } finally {
    await stage.close();
  }
}

const COUNTS = {
  ours: [
    'SELECT count(*)::bigint AS n FROM dedup_meter.event_identity',
    'SELECT coalesce(sum(used), 0)::bigint AS n FROM dedup_meter.usage',
  ],
  bare: [
    'SELECT count(*)::bigint AS n FROM bare_ledger',
    'SELECT coalesce(sum(used), 0)::bigint AS n FROM bare_usage',
  ],
};

async function assertExact(side: Side, stage: Stage, filled: Filled): Promise<void> {
  const admitted = filled.sent - filled.duplicates;
  for (const text of COUNTS[side === 'ours' ? 'ours' : 'bare'])
    assertCount(text, await stage.count(text), admitted);
  const ends = await openTopicEnds(stage.kafka);
  assertCount(`${side}: ${ADMITTED}`, await ends.sum(ADMITTED), admitted);
  assertCount(`${side}: ${REFUSED}`, await ends.sum(REFUSED), filled.duplicates);
  await ends.close();
}
