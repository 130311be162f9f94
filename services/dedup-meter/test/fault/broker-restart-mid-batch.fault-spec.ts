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

/** A batch is committed and not published; published and nobody knows it; done and not committed to Kafka. */
const MID_BATCH: readonly Omit<StrikeOrder, 'then'>[] = [
  { moment: 'publish', when: 'before', containing: ADMITTED },
  { moment: 'publish', when: 'after', containing: ADMITTED },
  { moment: 'offsets', when: 'before' },
];

describe('broker-restart-mid-batch', () => {
  it.each(seeds)('loses nothing and doubles nothing (seed %i)', async (seed) => {
    const random = seededRandom(seed);
    fleet = await Fleet.open({
      services: { ingest: 1, 'dedup-meter': 2, timeline: 1 },
      behindProxies: ['dedup-meter'],
      env: { TICK_MS: '500', ANSWER_DEADLINE_MS: '300', PUBLISH_TIMEOUT_MS: '2000' },
      seed,
    });
    const broker = fleet.broker!;
    const load = await Load.start(fleet, { organization: await fleet.organization(), seed });
    for (const point of MID_BATCH) {
      const meter = pick(random, fleet.of('dedup-meter'));
      const sentBefore = load.sent.length;
      const strike = meter.strike({ ...point, then: () => broker.process.killNow() });
      await eventually(() => strike.hasStruck(), { withinMs: 90_000, everyMs: 10 });
      await broker.restart();
      await fleet.ready();
      // Ends when everybody has found the broker again.
      await eventually(() => load.sent.length > sentBefore + 100, { withinMs: 90_000 });
    }
    const found = await assertExact(fleet, await load.stop());
    expect(load.surprises).toEqual([]);
    // HTTP was honest: what could not be promised was refused, and sent again.
    expect(load.retries).toBeGreaterThan(0);
    expect(found.doubles).toBeGreaterThan(0);
  });
});
