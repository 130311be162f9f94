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
    const { eventsPerSecond, recoverySeconds, cost } = taken;
    const what = `${events.toLocaleString('en')} waiting events`;
    say(`${recoverySeconds.toFixed(0)} s; ${Math.round(eventsPerSecond).toLocaleString('en')} events/s`);
    return {
      figures: [
        alone(`${what}, from the start of dedup-meter until they are through`, 's', recoverySeconds),
        alone(`${what}, after the first ${WARM_SHARE * 100} %`, 'events/s', eventsPerSecond),
        ...SERVICES.map((name) =>
          alone(`${what}, memory of ${name}`, 'MB', cost.memory[name] ?? Number.NaN, {
            atMost: MOST_MEGABYTES,
          }),
        ),
      ],
      costs: [costOf(what, [taken])],
      rounds: [taken],
      exact: ['ledger, usage, topics and timeline hold what was sent'],
    };
  },
};
