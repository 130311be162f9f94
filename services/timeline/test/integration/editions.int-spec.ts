import { EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Organization } from '@trackline/directory';
import type { Queryable } from '@trackline/postgres';
import { eventually, type Call } from '@trackline/testkit';
import { attributionTerms } from '../../src/adapters/directory/attribution-terms.ts';
import { editionStore } from '../../src/adapters/postgres/attribution/edition-store.ts';
import { noticeChanges } from '../../src/pipeline/keep-editions.ts';
import type { EditionStore } from '../../src/ports.ts';
import type { RunningTimeline } from '../../src/start-timeline.ts';
import { addRows, fromShown, referenceReport } from './attribution-reference.ts';
import { makeWorld, type World } from './attribution-world.ts';
import { expectSumsToBeFacts } from './sums-against-facts.ts';
import { anEvent, aTouch, TimelineRig } from './timeline-rig.ts';

let rig: TimelineRig;
let timeline: RunningTimeline;
let organization: Organization;
let call: Call;
let store: EditionStore;

jest.setTimeout(90_000);

const NOW = Date.now();
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const SOON = { withinMs: 60_000 };

beforeAll(async () => {
  rig = await TimelineRig.open();
  // It looks by itself once a day: what is noticed and built, and when, is up to the tests.
  timeline = await rig.start(undefined, { ATTRIBUTION_CHECK_MS: '86400000' });
  store = editionStore(rig.database, rig.editionBook());
}, 180_000);

beforeEach(async () => {
  ({ organization, call } = await rig.organization(timeline));
});

afterAll(() => rig.close(), 30_000);

const report = async (name = 'performance') =>
  (await call('GET', `/v1/reports/${name}?from=${day(NOW - 25 * 86_400_000)}&to=${day(NOW)}`)).json;

const change = (settings: object) => rig.directory.updateOrganization(organization.id, { settings });
const notice = () => noticeChanges(store, attributionTerms(rig.directory));

const expected = (world: World, more: World, windowHours: number) =>
  addRows(
    referenceReport(
      [...world.saidTouches, ...more.saidTouches],
      [...world.saidOrders, ...more.saidOrders],
      windowHours,
      'last_touch',
    ).values(),
  );

const NOTHING: World = { touches: [], orders: [], merges: [], saidTouches: [], saidOrders: [] };

/** Publishes a world and waits until all of it is in the report, beside what was there. */
async function putDown(world: World, before = 0): Promise<void> {
  await Promise.all([rig.admitted(...world.orders), rig.conversations(...world.touches)]);
  await eventually(async () => {
    const { totals } = await report();
    return totals.orders + totals.conversations === before + world.orders.length + world.touches.length;
  }, SOON);
}

const SIZE = { contacts: 60, touches: 300, orders: 700, merges: 0 };

describe('figures under new settings', () => {
  it('are made beside the old ones, which stay whole; a builder that dies is replaced; what comes meanwhile is in both', async () => {
    const world = makeWorld(organization.id, NOW, SIZE, 1);
    await putDown(world);
    expect(fromShown((await report()).totals)).toEqual(expected(world, NOTHING, 168));
    await change({ attributionWindowHours: 12 });
    expect(await notice()).toBe(1);
    expect(await notice()).toBe(0);
    const dead = (await store.claim(60_000))!;
    expect(await store.claim(60_000)).toBeUndefined();
    for (let step = 0; step < 3; step += 1) expect(await store.step(dead, 60_000)).toBe('more');
    const meanwhile = await report();
    expect(meanwhile.attribution).toMatchObject({
      windowHours: 168,
      recomputing: { phase: 'attributing', done: 400, total: 700 },
    });
    expect(fromShown(meanwhile.totals)).toEqual(expected(world, NOTHING, 168));
    const more = makeWorld(organization.id, NOW - 1_000, SIZE, 2);
    await putDown(more, world.orders.length + world.touches.length);
    expect(fromShown((await report()).totals)).toEqual(expected(world, more, 168));
    // The builder is dead: nobody hears of it until its lease is over.
    await rig.database.query({
      text: `UPDATE timeline.edition SET lease_until = now() WHERE state = 'building'`,
    });
    const heir = (await store.claim(60_000))!;
    expect(heir).toMatchObject({ organizationId: organization.id, edition: dead.edition });
    expect(await store.step(dead, 60_000)).toBe('lost');
    await eventually(async () => (await store.step(heir, 60_000)) === 'complete', SOON);
    const after = await report();
    expect(after.attribution).toEqual({
      model: 'last_touch',
      windowHours: 12,
      orderEventNames: ['order'],
    });
    expect(fromShown(after.totals)).toEqual(expected(world, more, 12));
    expect(await store.step(dead, 60_000)).toBe('lost');
    await eventually(async () => !(await store.clear()), SOON);
    expect(await rig.count(`attribution WHERE organization_id = '${organization.id}'`)).toBe(1_400);
    await expectSumsToBeFacts(rig);
  });

  it('are what the reference says when orders and conversations pour in while several build', async () => {
    const parts = Array.from({ length: 4 }, (_, i) => makeWorld(organization.id, NOW - i, SIZE, 10 + i));
    await putDown(parts[0]!);
    await change({ attributionWindowHours: 36 });
    await notice();
    const building = Promise.all(
      [1, 2].map(() =>
        eventually(async () => {
          const lease = await store.claim(1_000);
          if (lease) await store.step(lease, 1);
          return (await report()).attribution.windowHours === 36;
        }, SOON),
      ),
    );
    for (const part of parts.slice(1)) {
      await Promise.all([rig.admitted(...part.orders), rig.conversations(...part.touches)]);
    }
    await building;
    const all: World = {
      ...NOTHING,
      saidTouches: parts.flatMap(({ saidTouches }) => saidTouches),
      saidOrders: parts.flatMap(({ saidOrders }) => saidOrders),
    };
    await eventually(async () => {
      expect(fromShown((await report()).totals)).toEqual(expected(all, NOTHING, 36));
      return true;
    }, SOON);
    await expectSumsToBeFacts(rig);
  });

  it('count events as orders that were none when they came, and say why of each', async () => {
    const contactId = await rig.contact(organization);
    const about = { organizationId: organization.id, contactId };
    await rig.conversations(
      aTouch({ ...about, occurredAtMs: NOW - 7_200_000, campaign: { type: 'broadcast', id: 'b' } }),
    );
    const past = Array.from({ length: 30 }, (_, i) =>
      anEvent({
        ...about,
        name: i % 3 ? 'page_viewed' : 'purchase_completed',
        properties: '{"amount":"2.50","currency":"EUR"}',
        occurredAtMs: NOW - 3_600_000 + i,
      }),
    );
    await rig.admitted(...past);
    await eventually(async () => (await call('GET', '/v1/events?limit=100')).json.items.length === 30, SOON);
    expect((await report()).totals.orders).toBe(0);
    await change({ orderEventNames: ['order', 'purchase_completed'] });
    // The report itself notices, and has the service hurry.
    expect((await report()).attribution.recomputing).toBeDefined();
    await eventually(async () => (await report()).totals.orders === 10, SOON);
    expect((await report('broadcasts')).totals.revenue).toEqual([{ currency: 'EUR', amount: '25.00' }]);
    const { attribution } = (await call('GET', `/v1/events/${past[0]!.eventId}`)).json;
    expect(attribution).toMatchObject({ conversion: true, campaign: { id: 'b' } });
    await change({ orderEventNames: ['order'] });
    await eventually(async () => (await report()).totals.orders === 0, SOON);
    expect((await call('GET', `/v1/events/${past[0]!.eventId}`)).json.attribution).toBeUndefined();
  });

  it('are not made when the settings are changed back before', async () => {
    await putDown(makeWorld(organization.id, NOW, { ...SIZE, orders: 250 }, 3));
    await change({ attributionModel: 'first_touch' });
    await notice();
    const lease = (await store.claim(60_000))!;
    expect(await store.step(lease, 60_000)).toBe('more');
    await change({ attributionModel: 'last_touch' });
    expect(await notice()).toBe(1);
    expect(await store.step(lease, 60_000)).toBe('lost');
    expect((await report()).attribution).toEqual({
      model: 'last_touch',
      windowHours: 168,
      orderEventNames: ['order'],
    });
    await eventually(async () => !(await store.clear()), SOON);
    await expectSumsToBeFacts(rig);
  });
});

describe('the editions that a batch reads', () => {
  it('are its own, though another replaces those in memory while it waits for the database', async () => {
    const others = [await rig.organization(timeline), await rig.organization(timeline)];
    const [known, fresh, theirs] = [organization, ...others.map((one) => one.organization)].map(
      ({ id }) => id,
    );
    const book = rig.editionBook();
    await book.ensure(new Set([known!, fresh!, theirs!]));
    await book.at(rig.database, 1, new Set([known!]));
    const gate = new EventEmitter();
    const isReplaced = once(gate, 'replaced');
    const slow: Queryable = {
      async query(statement) {
        const answer = await rig.database.query(statement);
        await isReplaced;
        return answer as never;
      },
    };
    const reading = book.at(slow, 1, new Set([known!, fresh!]));
    await book.at(rig.database, 2, new Set([theirs!]));
    gate.emit('replaced');
    const editions = await reading;
    expect(editions.of(known!)).toHaveLength(1);
    expect(editions.of(fresh!)).toHaveLength(1);
  });
});
