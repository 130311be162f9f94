import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ADMITTED } from '@trackline/contracts';
import {
  assertExact,
  eventually,
  faultSeeds,
  Fleet,
  Load,
  pick,
  seededRandom,
  type FleetInstance,
  type StrikeOrder,
} from '@trackline/testkit';

const { seeds } = faultSeeds([1]);
/** On a machine that is busy with other things, too. */
jest.setTimeout(600_000);

let fleet: Fleet | undefined;
afterEach(async () => {
  await fleet?.close();
  fleet = undefined;
});

/** What the zombie still has in its hands when it wakes up: an answer of the judge, a commit that it wants to make, verdicts to publish, offsets to commit. */
const ASLEEP_AT: readonly Omit<StrikeOrder, 'then'>[] = [
  { moment: 'judge', when: 'after' },
  { moment: 'commit', when: 'before' },
  { moment: 'publish', when: 'before', containing: ADMITTED },
  { moment: 'offsets', when: 'before' },
];

/** How often each source has found a new owner. */
async function terms(): Promise<Map<string, number>> {
  const { rows } = await fleet!.database.query<{ name: string; term: string }>(
    'SELECT name, term FROM dedup_meter.source',
  );
  return new Map(rows.map(({ name, term }) => [name, Number(term)]));
}

/** Others have taken over what the zombie owned, and have gone on. */
async function takenOver(before: ReadonlyMap<string, number>): Promise<void> {
  await eventually(
    async () => {
      const raised = [...(await terms())].filter(([name, term]) => term > (before.get(name) ?? 0));
      return raised.length >= before.size / 2;
    },
    { withinMs: 90_000 },
  );
}

/** Holds the command at the moment, stops the process, and lets the command through once it is awake again. */
async function sleepAt(zombie: FleetInstance, point: Omit<StrikeOrder, 'then'>): Promise<void> {
  const before = await terms();
  let wakeUp: () => void = () => undefined;
  const awake = new Promise<void>((resolve) => (wakeUp = resolve));
  const strike = zombie.strike({
    ...point,
    passes: true,
    then: async () => {
      zombie.pause();
      await awake;
    },
  });
  await eventually(() => strike.hasStruck(), { withinMs: 90_000, everyMs: 10 });
  await takenOver(before);
  zombie.resume();
  wakeUp();
  await zombie.ready();
}

describe('zombie-instance-changes-nothing', () => {
  it.each(seeds)('whatever it was about to do when it fell asleep (seed %i)', async (seed) => {
    const random = seededRandom(seed);
    fleet = await Fleet.open({
      services: { ingest: 1, 'dedup-meter': 2, timeline: 1 },
      behindProxies: ['dedup-meter'],
      env: { TICK_MS: '500', ANSWER_DEADLINE_MS: '300' },
      seed,
    });
    const load = await Load.start(fleet, { organization: await fleet.organization(), seed });
    for (const point of ASLEEP_AT) await sleepAt(pick(random, fleet.of('dedup-meter')), point);
    const found = await assertExact(fleet, await load.stop());
    expect(load.surprises).toEqual([]);
    expect(found.doubles).toBeGreaterThan(0);
  });
});
