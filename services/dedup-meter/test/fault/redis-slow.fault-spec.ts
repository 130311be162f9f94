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

const { seeds, isLong } = faultSeeds([1]);
/** A minute is for the soak. */
const AWAY_MS = isLong ? 60_000 : 6_000;
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

describe('redis-away', () => {
  it.each(seeds)('HTTP says so, Kafka waits, and nothing is missing afterwards (seed %i)', async (seed) => {
    fleet = await Fleet.open({
      services: { ingest: 1, 'dedup-meter': 2, trigger: 1, timeline: 1 },
      env: { TICK_MS: '500' },
      seed,
    });
    const { redisDoor } = fleet;
    const customer = await Customer.make(fleet, seededRandom(seed));
    const load = await Load.start(fleet, { organization: await fleet.organization(), seed });
    await eventually(() => load.sent.length > 100, { withinMs: 60_000 });

    const connections = redisDoor.counts.connections;
    const awayAtMs = Date.now();
    redisDoor.set({ away: true });
    const published = Array.from({ length: 30 }, () => customer.event('published meanwhile'));
    await customer.publish(published);
    const retry = customer.event('called meanwhile');
    const answers: TrackAnswer[] = [];
    while (Date.now() - awayAtMs < AWAY_MS) answers.push(await customer.call(retry));
    // Nobody has judged what waits at either door.
    expect(await customer.totalUsed()).toBe(0);
    for (const { status, headers, json } of answers) {
      expect([202, 503]).toContain(status);
      if (status === 202) expect(json).toMatchObject({ status: 'accepted' });
      else expect(headers.get('retry-after')).toMatch(/^\d+$/);
    }

    redisDoor.set({});
    // A 202 is remembered, and so may be the last answer that the retry hears; that it counts is what matters.
    await eventually(
      async () => {
        expect([200, 202, 503]).toContain((await customer.call(retry)).status);
        return (await customer.totalUsed()) === published.length + 1;
      },
      { withinMs: 60_000, everyMs: 250 },
    );
    await eventually(async () => (await customer.call(customer.event('called afterwards'))).status === 200, {
      withinMs: 60_000,
      everyMs: 250,
    });
    const found = await assertExact(fleet, [...(await load.stop()), ...customer.sent]);
    expect(load.surprises).toEqual([]);
    expect(found.admitted).toBeGreaterThan(100);
    // All of them broke and were made anew.
    expect(redisDoor.counts.connections).toBeGreaterThan(connections);
  });
});
