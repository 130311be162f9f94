import { randomUUID } from 'node:crypto';
import { uuidv7 } from '@trackline/kernel';
import { costOf } from '../measure/cost.ts';
import { interleave } from '../measure/interleave.ts';
import { median } from '../measure/statistics.ts';
import { assertCount, compared, type Scenario } from '../scenario.ts';
import { AdmittedFeed, type Fed } from '../stage/admitted-feed.ts';
import type { Drained } from '../stage/drain.ts';
import { layWorkflows } from '../stage/lay-workflows.ts';
import { Stage } from '../stage/stage.ts';
import { triggerDrain } from '../stage/trigger-drain.ts';
import { assertChangesInForce } from './changes-in-force.ts';
import { enableWorkflow, MANY_EXECUTIONS, SESSION_MS } from './waiting-workflow.ts';

const EVENTS_OF_A_ROUND = 60_000;
const WORKFLOWS = 1_000;
const ORGANIZATIONS = 10_000;
const CONTACTS = 10_000;
/** Every so manieth event starts an execution, on each side alike. */
const STARTS_EVERY = 100;
const SIDES = ['one workflow', '1,000 workflows of an organisation', '10,000 organisations'] as const;
type Side = (typeof SIDES)[number];

const definition = (eventName: string) => ({
  name: 'Ends at once',
  trigger: { type: 'event', eventName },
  settings: { maxConcurrentExecutions: MANY_EXECUTIONS },
  steps: [{ id: 'end', type: 'exit', config: {} }],
});

/** Matching where there is much to match with, by one trigger; beside one workflow of one organisation, in the same process. */
export const manyWorkflows: Scenario = {
  name: 'many-workflows',
  isLong: true,
  says: 'admitted events against 1,000 enabled workflows of an organisation, and against those of 10,000 organisations; beside one workflow',
  async run({ rounds, events = EVENTS_OF_A_ROUND, say }) {
    const stage = await Stage.open(['trigger']);
    try {
      const trigger = await stage.service('trigger', { env: { SESSION_TIMEOUT_MS: String(SESSION_MS) } });
      const feed = new AdmittedFeed(stage);
      const one = await enableWorkflow(stage, trigger, definition('order_0'));
      const many = await enableWorkflow(stage, trigger, definition('order_0'));
      const organizations = Array.from({ length: ORGANIZATIONS }, () => uuidv7());
      await layWorkflows(stage, one.workflowId, [
        ...Array.from({ length: WORKFLOWS - 1 }, (_, n) => ({
          organizationId: many.organizationId,
          eventName: `order_${n + 1}`,
        })),
        ...organizations.map((organizationId) => ({ organizationId, eventName: 'order_0' })),
      ]);
      const contacts = Array.from({ length: CONTACTS }, () => randomUUID());
      const name = (n: number, workflow: number) =>
        n % STARTS_EVERY === 0 ? `order_${workflow % WORKFLOWS}` : 'page_viewed';
      const event: Record<Side, (n: number) => Fed> = {
        'one workflow': (n) => ({
          ...{ organizationId: one.organizationId, contactId: contacts[n % CONTACTS]!, name: name(n, 0) },
        }),
        '1,000 workflows of an organisation': (n) => ({
          organizationId: many.organizationId,
          contactId: contacts[n % CONTACTS]!,
          name: name(n, n / STARTS_EVERY),
        }),
        '10,000 organisations': (n) => ({
          // 7,919 is prime to their number: those that start something are others in each round of all.
          organizationId: organizations[(n * 7_919) % ORGANIZATIONS]!,
          contactId: contacts[n % CONTACTS]!,
          name: name(n, 0),
        }),
      };
      const measure = (side: Side, count = events) =>
        triggerDrain({ stage, feed, trigger: trigger.process }, count, event[side]);
      let drains = 0;
      const round = (side: Side) => async () => {
        const drained = await measure(side);
        drains += 1;
        say(`${side}: ${Math.round(drained.eventsPerSecond).toLocaleString('en')} events/s`);
        return drained;
      };
      // Every definition is read once before anything is measured.
      for (const side of SIDES) await measure(side, ORGANIZATIONS);
      const [first, second, third] = SIDES;
      const taken = await interleave(rounds, {
        [first]: round(first),
        [second]: round(second),
        [third]: round(third),
      });
      const started = await stage.count('SELECT count(*)::bigint AS n FROM trigger.execution');
      const meant =
        SIDES.length * Math.ceil(ORGANIZATIONS / STARTS_EVERY) + drains * Math.ceil(events / STARTS_EVERY);
      const exact = [assertCount('executions started', started, meant)];
      exact.push(await assertChangesInForce({ stage, feed, first: trigger, definition }));
      const rate = (side: Side) => median(taken[side].map(({ eventsPerSecond }: Drained) => eventsPerSecond));
      return {
        figures: [second, third].map((side) =>
          compared(`matching, ${side}, beside ${first}`, 'events/s', {
            ours: rate(side),
            baseline: rate(first),
          }),
        ),
        costs: SIDES.map((side) => costOf(side, taken[side])),
        rounds: SIDES.map((side) => ({ side, drained: taken[side] })),
        exact,
      };
    } finally {
      await stage.close();
    }
  },
};
