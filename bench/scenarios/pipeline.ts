import { costOf } from '../measure/cost.ts';
import { interleave } from '../measure/interleave.ts';
import { median } from '../measure/statistics.ts';
import { compared, type Bound, type Scenario } from '../scenario.ts';
import { kafkaDoorRound, type DoorRound } from './kafka-door.ts';
import { barePipeline, baselineRound, benthos, kafkajsRelay, stockNest } from './pipeline-baselines.ts';

const EVENTS_OF_A_ROUND = 100_000;
/** An eighth of the others' rate: as many events would take minutes. */
const NEST_SHARE = 1 / 8;

/** What the ratio to each baseline keeps to; without a number: for orientation. */
const PROMISED: Readonly<Record<string, Bound | undefined>> = {
  'a bare pipeline': { atLeast: 0.7 },
  'a bare pipeline, our publisher': undefined,
  'stock Nest': { atLeast: 8 },
  'a kafkajs relay': undefined,
  Benthos: { atLeast: 1 },
};

/** The whole way from the Kafka door to the timeline, and how else one would go it. */
export const pipeline: Scenario = {
  name: 'pipeline',
  says: 'a backlog at the Kafka door, until it is judged, committed, published, compared with the workflows and on the timeline',
  async run({ rounds, events = EVENTS_OF_A_ROUND, isWhole, say }) {
    const binary = process.env.BENTHOS_BIN;
    const told = (side: string, round: () => Promise<DoorRound>) => async () => {
      const taken = await round();
      say(`${side}: ${Math.round(taken.eventsPerSecond).toLocaleString('en')} events/s`);
      return taken;
    };
    const sides: Readonly<Record<string, () => Promise<DoorRound>>> = {
      ours: () => kafkaDoorRound({ events }),
      'a bare pipeline': () => baselineRound(barePipeline('kafkajs'), events),
      ...(isWhole && {
        'a bare pipeline, our publisher': () => baselineRound(barePipeline('ours'), events),
      }),
      'stock Nest': () => baselineRound(stockNest, Math.ceil(events * NEST_SHARE)),
      'a kafkajs relay': () => baselineRound(kafkajsRelay, events),
      ...(binary && { Benthos: () => baselineRound(benthos(binary), events) }),
    };
    const taken = await interleave(
      rounds,
      Object.fromEntries(Object.entries(sides).map(([side, round]) => [side, told(side, round)])),
    );
    const rate = (side: string) => median(taken[side]!.map(({ eventsPerSecond }) => eventsPerSecond));
    const baselines = Object.keys(sides).filter((side) => side !== 'ours');
    return {
      figures: baselines.map((side) =>
        compared(
          `Kafka door to timeline, beside ${side}`,
          'events/s',
          { ours: rate('ours'), baseline: rate(side) },
          PROMISED[side],
        ),
      ),
      costs: Object.keys(sides).map((side) => costOf(`Kafka door to timeline, ${side}`, taken[side]!)),
      rounds: Object.keys(sides).map((side) => ({ side, taken: taken[side] })),
      exact: ['every round: ledger, usage, topics and timeline hold what was sent'],
      ...(!binary && {
        notes: ['Benthos was not measured, and its promise not tried: BENTHOS_BIN names no binary'],
      }),
    };
  },
};
