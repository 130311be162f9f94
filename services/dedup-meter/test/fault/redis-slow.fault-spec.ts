import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  assertExact,
  eventually,
  faultSeeds,
  Fleet,
  Load,
  seededRandom,
  type NetworkFaults,
} from '@trackline/testkit';
import { Customer, type TrackAnswer } from './customer.ts';

const { seeds } = faultSeeds([1]);
jest.setTimeout(300_000);

let fleet: Fleet | undefined;
afterEach(async () => {
  await fleet?.close();
  fleet = undefined;
});

/** From a nuisance to worse than the 2 s after which dedup-meter gives a reply up, and the 250 ms of ingest. */
const SLOW: readonly NetworkFaults[] = [
  { delayReplyRatio: 1, delayMs: 40 },
  { delayReplyRatio: 0.5, delayMs: 400 },
  { delayReplyRatio: 0.1, delayMs: 2_500 },
];

/** Nobody may hear anything else: what counts, what is on its way, what was there before, what to try again. */
const HONEST = [200, 202, 409, 503];

describe('redis-slow', () => {
  it.each(seeds)('nothing is lost or counted twice, and callers hear the truth (seed %i)', async (seed) => {
    fleet = await Fleet.open({
      services: { ingest: 1, 'dedup-meter': 2, trigger: 1, timeline: 1 },
      env: { TICK_MS: '500' },
      seed,
    });
    const customer = await Customer.make(fleet, seededRandom(seed));
    const load = await Load.start(fleet, { organization: await fleet.organization(), seed });
    const answers: TrackAnswer[] = [];
    for (const faults of SLOW) {
      const before = fleet.redisDoor.counts.repliesDelayed;
      fleet.redisDoor.set(faults);
      const events = Array.from({ length: 10 }, (_, at) =>
        customer.event('tracked', at % 3 === 0 ? { uniqueId: `u${at}` } : {}),
      );
      answers.push(...(await Promise.all(events.map((event) => customer.call(event)))));
      await eventually(() => fleet!.redisDoor.counts.repliesDelayed >= before + 20, { withinMs: 30_000 });
    }
    fleet.redisDoor.set({});
    const sent = [...(await load.stop()), ...customer.sent];
    for (const { status, headers } of answers) {
      expect(HONEST).toContain(status);
      if (status === 503) expect(headers.get('retry-after')).toMatch(/^\d+$/);
    }
    expect(load.surprises).toEqual([]);
    const found = await assertExact(fleet, sent);
    expect(found.admitted).toBeGreaterThan(100);
  });
});
