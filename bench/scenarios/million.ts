import { costOf } from '../measure/cost.ts';
import { alone, type Scenario } from '../scenario.ts';
import { kafkaDoorRound, WARM_SHARE } from './kafka-door.ts';

const WAITING = 1_000_000;
const SERVICES = ['dedup-meter', 'trigger', 'timeline'];
const MOST_MEGABYTES = 250;

/** After an outage: a million events wait at the Kafka door. */
export const million: Scenario = {
  name: 'million',
  says: 'a million events wait at the Kafka door: how long until they are all on the timeline, and in how much memory',
  isLong: true,
  async run({ events = WAITING, say }) {
    const taken = await kafkaDoorRound({ events });
    const seconds = events / taken.eventsPerSecond;
    say(`${Math.round(taken.eventsPerSecond).toLocaleString('en')} events/s, ${seconds.toFixed(0)} s`);
    return {
      figures: [
        alone(
          `${events.toLocaleString('en')} waiting events, after the first ${WARM_SHARE * 100} %`,
          'events/s',
          taken.eventsPerSecond,
        ),
        alone(`${events.toLocaleString('en')} waiting events, at that rate`, 's', seconds),
        ...SERVICES.map((name) =>
          alone(
            `${events.toLocaleString('en')} waiting events, memory of ${name}`,
            'MB',
            taken.cost.memory[name] ?? 0,
            {
              atMost: MOST_MEGABYTES,
            },
          ),
        ),
      ],
      costs: [costOf('a million waiting events', [taken])],
      rounds: [taken],
      exact: ['ledger, usage, topics and timeline hold what was sent'],
    };
  },
};
