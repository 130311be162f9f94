import { describe, it } from '@jest/globals';
import fc from 'fast-check';
import { expectSound } from '../../test/flow-soundness.ts';
import { World } from '../../test/flow-world.ts';
import { action, definitions } from '../../test/random-flow.ts';

/*
 * The pipelines over ports in memory: two instances that both think they own the partition, whose calls are interleaved at random,
 * with redelivery, lost replies, pauses, archives and time that passes. Whatever happens, in the end nothing is stuck, each wait has
 * ended once, and the outside has seen just what the store says.
 */

const RUNS = Number(process.env.PROPERTY_RUNS ?? 150);

describe('the flows of the trigger', () => {
  it('are sound after anything that can happen to one instance at a time', async () => {
    await fc.assert(
      fc.asyncProperty(definitions, fc.array(action, { maxLength: 60 }), async (given, actions) => {
        const world = new World(undefined, given);
        for (const one of actions) await world.act(one);
        await world.settle();
        expectSound(world);
      }),
      { numRuns: RUNS * 2 },
    );
  }, 60_000);

  it('are sound when two instances that both think they own the partition get in each other’s way', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        definitions,
        fc.array(action, { maxLength: 40 }),
        async (scheduler, given, actions) => {
          const world = new World(scheduler, given);
          // Each instance does one thing after another; the two, and the rest of the world, run side by side.
          const lanes = [0, 1, 2].map((lane) =>
            actions
              .filter((one) => ('instance' in one ? one.instance : 2) === lane)
              .reduce(
                (before, one) =>
                  before.then(async () => {
                    await scheduler.schedule(Promise.resolve(), one.kind);
                    await world.act(one);
                  }),
                Promise.resolve(),
              ),
          );
          await scheduler.waitFor(Promise.all(lanes));
          await scheduler.waitFor(world.settle());
          expectSound(world);
        },
      ),
      { numRuns: RUNS },
    );
  }, 60_000);
});
