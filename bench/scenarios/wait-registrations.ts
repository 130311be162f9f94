import { randomUUID } from 'node:crypto';
import { costOf } from '../measure/cost.ts';
import { median } from '../measure/statistics.ts';
import { alone, assertCount, type Scenario } from '../scenario.ts';
import type { Drained } from '../stage/drain.ts';
import { triggerDrain } from '../stage/trigger-drain.ts';
import { openWaitingWorkflow, STARTED_BY } from './waiting-workflow.ts';

const EVENTS_OF_A_ROUND = 30_000;

/** trigger alone, when each event is the beginning of a wait. */
export const waitRegistrations: Scenario = {
  name: 'wait-registrations',
  says: 'admitted events each of which starts an execution that begins to wait: how many waits a second one trigger registers',
  isLong: true,
  async run({ rounds, events = EVENTS_OF_A_ROUND, say }) {
    const { stage, trigger, feed, pattern } = await openWaitingWorkflow();
    try {
      const { organizationId } = pattern;
      const measure = () =>
        triggerDrain({ stage, feed, trigger: trigger.process }, events, () => ({
          ...{ organizationId, contactId: randomUUID(), name: STARTED_BY },
        }));
      // What the first would pay for all: compiling.
      await measure();
      const taken: Drained[] = [];
      for (let round = 0; round < rounds; round += 1) {
        taken.push(await measure());
        say(`${Math.round(taken.at(-1)!.eventsPerSecond).toLocaleString('en')} waits/s`);
      }
      const expected = feed.published;
      const exact = [];
      for (const [what, text] of [
        [
          'executions that wait',
          `SELECT count(*)::bigint AS n FROM trigger.execution WHERE organization_id = $1 AND status = 'waiting'`,
        ],
        ['waits', 'SELECT count(*)::bigint AS n FROM trigger.wait WHERE organization_id = $1'],
      ] as const)
        exact.push(assertCount(what, await stage.count(text, [organizationId]), expected));
      exact.push(
        assertCount('timers', await stage.count('SELECT count(*)::bigint AS n FROM trigger.timer'), expected),
      );
      return {
        figures: [
          alone('wait registrations', '/s', median(taken.map(({ eventsPerSecond }) => eventsPerSecond))),
        ],
        costs: [costOf('wait registrations', taken)],
        rounds: taken,
        exact,
      };
    } finally {
      await stage.close();
    }
  },
};
