import { costOf } from '../measure/cost.ts';
import { interleave } from '../measure/interleave.ts';
import { median } from '../measure/statistics.ts';
import { compared, type Scenario } from '../scenario.ts';
import { kafkaDoorRound, type DoorRound } from './kafka-door.ts';

const EVENTS_OF_A_ROUND = 100_000;
const INSTANCES = [1, 2, 3];

/** More instances of each service on the same machine: what that costs per event, and what it brings while there are cores. */
export const scaling: Scenario = {
  name: 'scaling',
  says: 'the pipeline with 2 and 3 instances of each service on the same cores; beside one of each',
  isLong: true,
  async run({ rounds, events = EVENTS_OF_A_ROUND, say }) {
    const round = (instances: number) => async () => {
      const taken = await kafkaDoorRound({ events, instances });
      say(`${instances} of each: ${Math.round(taken.eventsPerSecond).toLocaleString('en')} events/s`);
      return taken;
    };
    const taken = await interleave(
      rounds,
      Object.fromEntries(INSTANCES.map((instances) => [String(instances), round(instances)])),
    );
    const of = (instances: number, pick: (round: DoorRound) => number) =>
      median(taken[String(instances)]!.map(pick));
    const cpu = ({ cost }: DoorRound) => 1_000 * Object.values(cost.cpu).reduce((sum, each) => sum + each, 0);
    const rate = ({ eventsPerSecond }: DoorRound) => eventsPerSecond;
    return {
      figures: INSTANCES.slice(1).flatMap((instances) => [
        compared(`pipeline, ${instances} instances of each service, beside one`, 'events/s', {
          ours: of(instances, rate),
          baseline: of(1, rate),
        }),
        compared(
          `pipeline, ${instances} instances of each service, beside one: all processes`,
          'CPU ms per 1,000 events',
          {
            ours: of(instances, cpu),
            baseline: of(1, cpu),
          },
        ),
      ]),
      costs: INSTANCES.map((instances) => costOf(`${instances} of each service`, taken[String(instances)]!)),
      rounds: INSTANCES.map((instances) => ({ instances, taken: taken[String(instances)] })),
      exact: ['every round: ledger, usage, topics and timeline hold what was sent'],
    };
  },
};
