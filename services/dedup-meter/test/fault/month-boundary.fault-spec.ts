import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { INBOUND, monthEnd, monthOf, RECEIVED } from '@trackline/contracts';
import {
  assertExact,
  eventually,
  faultSeeds,
  Fleet,
  MovedClock,
  seededRandom,
  type Random,
} from '@trackline/testkit';
import { Customer, type TrackAnswer } from './customer.ts';

const { seeds } = faultSeeds([1]);
jest.setTimeout(300_000);

/** The last moment that has ended a month, by which the fleet's clock is set. */
const MIDNIGHT_MS = Date.parse(`${monthOf(Date.now())}-01`);
const LAST_MS = MIDNIGHT_MS - 1;
const [BEFORE, AFTER] = [monthOf(LAST_MS), monthOf(MIDNIGHT_MS)];

let fleet: Fleet | undefined;
let clock: MovedClock | undefined;
afterEach(async () => {
  await fleet?.close();
  fleet = undefined;
  clock?.close();
});

/** Events of the last and of the first millisecond, in no order, by both doors; how many of which month. */
async function aroundMidnight(
  customer: Customer,
  count: number,
  random: Random,
): Promise<Record<string, number>> {
  const tracks = Array.from({ length: count }, () => {
    const atMs = random() < 0.5 ? LAST_MS : MIDNIGHT_MS;
    const topic = random() < 0.5 ? ('received' as const) : ('inbound' as const);
    return { track: customer.event(`of ${monthOf(atMs)}`), atMs, topic };
  });
  await customer.publishAt(tracks);
  const before = tracks.filter(({ atMs }) => atMs === LAST_MS).length;
  return { [BEFORE]: before, [AFTER]: count - before };
}

/** The whole of both source topics comes again, to new processes. */
async function redeliver(env: Readonly<Record<string, string>> = {}): Promise<void> {
  const meters = fleet!.of('dedup-meter');
  await Promise.all(meters.map((meter) => meter.kill()));
  for (const topic of [RECEIVED, INBOUND]) {
    const committed = await fleet!.committedOffsets('dedup-meter', topic);
    expect([...committed.values()].some((offset) => offset > 0)).toBe(true);
    await fleet!.setOffsets(
      'dedup-meter',
      topic,
      new Map([...committed.keys()].map((partition) => [partition, 0])),
    );
  }
  for (const meter of meters) {
    Object.assign(meter.process.spec.env, env);
    meter.start();
  }
  await fleet!.ready();
}

function expectRefusal({ status, headers, json }: TrackAnswer, resetsAtMs: number): void {
  expect(status).toBe(429);
  expect(json).toMatchObject({ code: 'EVENT_LIMIT_EXCEEDED', resetsAt: new Date(resetsAtMs).toISOString() });
  const secondsLeft = (resetsAtMs - clock!.now()) / 1_000;
  // As it was when the request came, and the machine may be slow.
  expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(Math.floor(secondsLeft));
  expect(Number(headers.get('retry-after'))).toBeLessThan(secondsLeft + 60);
}

describe('month-boundary', () => {
  it.each(seeds)(
    'an event counts in the month in which the broker took it, whenever that is judged (seed %i)',
    async (seed) => {
      const random = seededRandom(seed);
      clock = new MovedClock(MIDNIGHT_MS - 3_600_000);
      fleet = await Fleet.open({
        services: { ingest: 1, 'dedup-meter': 2, trigger: 1, timeline: 1 },
        sourceTimestamps: 'CreateTime',
        // No ticks: their time goes on while the test's stands still, and a log whose time goes back looks like one made anew.
        env: { TICK_MS: '0', ANSWER_DEADLINE_MS: '30000' },
        envOf: { ingest: clock.env, 'dedup-meter': clock.env },
        seed,
      });
      const free = await Customer.make(fleet, random);
      const capped = await Customer.make(fleet, random, { plan: 'custom', monthlyLimit: 4 });

      // A minute before midnight the plan is used up until then.
      await clock.moveTo(MIDNIGHT_MS - 60_000, fleet.of('ingest'));
      for (let at = 1; at <= 5; at++) expect((await capped.call(capped.event('early'))).status).toBe(200);
      expectRefusal(await capped.call(capped.event('early')), MIDNIGHT_MS);

      const judged = await aroundMidnight(free, 150, random);
      await eventually(async () => expect(await free.used()).toEqual(judged) === undefined);

      // Nobody is there to judge these before the month has changed.
      await Promise.all(fleet.of('dedup-meter').map((meter) => meter.kill()));
      const late = await aroundMidnight(free, 150, random);
      await capped.publishAt(
        [LAST_MS, MIDNIGHT_MS, LAST_MS, MIDNIGHT_MS].map((atMs) => ({ track: capped.event('late'), atMs })),
      );
      await clock.moveTo(MIDNIGHT_MS + 1_000, fleet.of('ingest'));
      for (const meter of fleet.of('dedup-meter')) meter.start();
      await fleet.ready();
      const wanted = { [BEFORE]: judged[BEFORE]! + late[BEFORE]!, [AFTER]: judged[AFTER]! + late[AFTER]! };
      await eventually(async () => expect(await free.used()).toEqual(wanted) === undefined, {
        withinMs: 30_000,
      });
      await eventually(async () => (await capped.used())[AFTER] === 2, { withinMs: 30_000 });
      expect((await capped.used())[BEFORE]).toBe(5);

      // The new month has a count of its own; what comes late to the old one is held to the plan of now.
      const answers: TrackAnswer[] = [];
      for (let at = 1; at <= 4; at++) answers.push(await capped.call(capped.event('new')));
      expect(answers.map(({ status, headers }) => [status, headers.get('x-event-current')])).toEqual([
        [200, '3'],
        [200, '4'],
        [200, '5'],
        [429, '5'],
      ]);
      expectRefusal(answers[3]!, monthEnd(AFTER));
      await capped.changePlan({ plan: 'custom', monthlyLimit: 5 });
      await capped.publishAt(
        [LAST_MS, LAST_MS, MIDNIGHT_MS, MIDNIGHT_MS].map((atMs) => ({ track: capped.event('later'), atMs })),
      );
      await eventually(
        async () => expect(await capped.used()).toEqual({ [BEFORE]: 6, [AFTER]: 6 }) === undefined,
      );

      await redeliver({ TICK_MS: '500' });
      // Of the 18 with a cap 12 are in, 6 of each month.
      const found = await assertExact(fleet, [...free.sent, ...capped.sent], {
        hardCaps: new Map([[capped.id, 12]]),
      });
      expect(found).toMatchObject({ admitted: 312, overLimit: 6, duplicates: 0, replays: 0 });
      expect([await free.used(), await capped.used()]).toEqual([wanted, { [BEFORE]: 6, [AFTER]: 6 }]);
    },
  );
});
