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
const PROMISED: Side = '100 %';
const LEAST_PER_SECOND = 3_000;

/** The whole way of events some of which start executions, each of which begins a wait. */
export const starts: Scenario = {
  name: 'starts',
  says: '1 %, 20 % and 100 % of the events at the Kafka door start an execution that begins to wait; until the timeline has that, too',
  async run({ rounds, events, isWhole, say }) {
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
    const sides: readonly Side[] = isWhole ? (Object.keys(SIDES) as Side[]) : [PROMISED];
    const taken = await interleave(
      rounds,
      Object.fromEntries(sides.map((side) => [side, round(side)])) as Record<Side, ReturnType<typeof round>>,
    );
    const rate = (side: Side) => median(taken[side].map(({ eventsPerSecond }) => eventsPerSecond));
    const name = (side: Side) => `${side} of events start an execution, which begins to wait`;
    return {
      figures: [
        alone(name(PROMISED), 'events/s', rate(PROMISED), { atLeast: LEAST_PER_SECOND }),
        ...sides
          .filter((side) => side !== PROMISED)
          .map((side) =>
            compared(`${name(side)}, beside ${PROMISED}`, 'events/s', {
              ours: rate(side),
              baseline: rate(PROMISED),
            }),
          ),
      ],
      costs: sides.map((side) => costOf(`${side} start an execution`, taken[side])),
      rounds: sides.map((side) => ({ side, taken: taken[side] })),
      exact: ['every round: ledger, usage, topics, executions, waits and timeline hold what was sent'],
    };
  },
};
