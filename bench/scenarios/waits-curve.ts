import { randomUUID } from 'node:crypto';
import { costOf } from '../measure/cost.ts';
import { median } from '../measure/statistics.ts';
import { assertCount, compared, type Cost, type Figure, type Scenario } from '../scenario.ts';
import type { Drained } from '../stage/drain.ts';
import { layWaits } from '../stage/lay-waits.ts';
import { triggerDrain } from '../stage/trigger-drain.ts';
import { openWaitingWorkflow, RESUMED_BY } from './waiting-workflow.ts';

const WAITS = [1_000, 10_000, 100_000, 1_000_000];
const EVENTS_OF_A_ROUND = 100_000;
const CONTACTS = 4_000;
/** A curve that is flat but for what measuring itself wavers by. */
const MOST_RATIO = 1.25;

/** Events that some wait of somebody else waits for: what it costs to find that nobody is meant, with ever more waits. */
export const waitsCurve: Scenario = {
  name: 'waits-curve',
  says: 'an event that others wait for, looked up among 1,000 to 1,000,000 of their waits; beside the first',
  isLong: true,
  async run({ rounds, events = EVENTS_OF_A_ROUND, say }) {
    const { stage, trigger, feed, pattern } = await openWaitingWorkflow();
    try {
      const { organizationId } = pattern;
      const contacts = Array.from({ length: CONTACTS }, () => randomUUID());
      const measure = () =>
        triggerDrain({ stage, feed, trigger: trigger.process }, events, (n) => ({
          ...{ organizationId, contactId: contacts[n % CONTACTS]!, name: RESUMED_BY },
        }));
      // What the first would pay for all: compiling.
      for (let warm = 0; warm < 2; warm += 1) await measure();
      const taken = new Map<number, Drained[]>();
      let laid = 1;
      for (const waits of WAITS.filter((size) => events === EVENTS_OF_A_ROUND || size <= events * 10)) {
        await layWaits(stage, pattern, waits - laid);
        laid = waits;
        const drained: Drained[] = [];
        for (let round = 0; round < rounds; round += 1) drained.push(await measure());
        taken.set(waits, drained);
        say(
          `${waits.toLocaleString('en')} waits: ${Math.round(rateOf(drained)).toLocaleString('en')} events/s, ${cpuOf(drained).toFixed(1)} ms of CPU per 1,000 events`,
        );
      }
      const waiting = await stage.count(
        `SELECT count(*)::bigint AS n FROM trigger.execution WHERE organization_id = $1 AND status = 'waiting'`,
        [organizationId],
      );
      return {
        figures: figuresOf(taken),
        costs: [...taken].map(([waits, drained]): Cost =>
          costOf(`${waits.toLocaleString('en')} waits`, drained),
        ),
        rounds: [...taken].map(([waits, drained]) => ({ waits, drained })),
        exact: [assertCount('executions that still wait', waiting, laid)],
      };
    } finally {
      await stage.close();
    }
  },
};

const rateOf = (rounds: readonly Drained[]): number =>
  median(rounds.map(({ eventsPerSecond }) => eventsPerSecond));

/** Milliseconds per 1,000 events, of those whose work grows if anything's does. */
const cpuOf = (rounds: readonly Drained[]): number =>
  1_000 * median(rounds.map(({ cost: { cpu } }) => (cpu.trigger ?? 0) + (cpu.postgres ?? 0)));

function figuresOf(taken: ReadonlyMap<number, readonly Drained[]>): Figure[] {
  const [first, ...others] = [...taken];
  return others.flatMap(([waits, drained]) => {
    const name = `matching among ${waits.toLocaleString('en')} waits of others, beside ${first![0].toLocaleString('en')}`;
    const cpu = { ours: cpuOf(drained), baseline: cpuOf(first![1]) };
    const rate = { ours: rateOf(drained), baseline: rateOf(first![1]) };
    return [
      compared(`${name}: trigger and Postgres`, 'CPU ms per 1,000 events', cpu, { atMost: MOST_RATIO }),
      compared(name, 'events/s', rate),
    ];
  });
}
