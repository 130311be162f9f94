import { costOf } from '../measure/cost.ts';
import { interleave } from '../measure/interleave.ts';
import { median } from '../measure/statistics.ts';
import { alone, compared, type Scenario } from '../scenario.ts';
import { USUAL_MIX } from '../stage/source-events.ts';
import { kafkaDoorRound } from './kafka-door.ts';

const STARTED_BY = 'order_placed';
/** Of the events: as many as start an execution, one in so many. */
const SIDES = { '1 %': 100, '20 %': 5, '100 %': 1 } as const;
type Side = keyof typeof SIDES;
const EVENTS: Readonly<Record<Side, number>> = { '1 %': 60_000, '20 %': 40_000, '100 %': 30_000 };
const LEAST_PER_SECOND = 3_000;

/** The whole way of events some of which start executions, each of which begins a wait. */
export const starts: Scenario = {
  name: 'starts',
  says: '1 %, 20 % and 100 % of the events at the Kafka door start an execution that begins to wait; until the timeline has that, too',
  async run({ rounds, events, say }) {
    const round = (side: Side) => async () => {
      const every = SIDES[side];
      const taken = await kafkaDoorRound({
        events: events ?? EVENTS[side],
        mix: { ...USUAL_MIX, nameOf: (n) => (n % every === 0 ? STARTED_BY : 'page_viewed') },
        startedBy: STARTED_BY,
      });
      say(`${side} start something: ${Math.round(taken.eventsPerSecond).toLocaleString('en')} events/s`);
      return taken;
    };
    const taken = await interleave(rounds, {
      '1 %': round('1 %'),
      '20 %': round('20 %'),
      '100 %': round('100 %'),
    });
    const rate = (side: Side) => median(taken[side].map(({ eventsPerSecond }) => eventsPerSecond));
    return {
      figures: [
        alone('1 % of events start an execution', 'events/s', rate('1 %')),
        compared('20 % of events start an execution, beside 1 %', 'events/s', {
          ours: rate('20 %'),
          baseline: rate('1 %'),
        }),
        compared('100 % of events start an execution, beside 1 %', 'events/s', {
          ours: rate('100 %'),
          baseline: rate('1 %'),
        }),
        alone('100 % of events start an execution', 'events/s', rate('100 %'), { atLeast: LEAST_PER_SECOND }),
      ],
      costs: (Object.keys(SIDES) as Side[]).map((side) => costOf(`${side} start an execution`, taken[side])),
      rounds: (Object.keys(SIDES) as Side[]).map((side) => ({ side, taken: taken[side] })),
      exact: ['every round: ledger, usage, topics, executions, waits and timeline hold what was sent'],
    };
  },
};
