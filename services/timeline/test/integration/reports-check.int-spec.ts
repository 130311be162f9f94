import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AdmittedEvent } from '@trackline/contracts';
import type { Organization } from '@trackline/directory';
import { uuidv7 } from '@trackline/kernel';
import { eventually, type Call } from '@trackline/testkit';
import { editionStore } from '../../src/adapters/postgres/attribution/edition-store.ts';
import { checkReports } from '../../src/pipeline/check-reports.ts';
import { buildEditions } from '../../src/pipeline/keep-editions.ts';
import { rebuildFigures } from '../../src/pipeline/rebuild-figures.ts';
import type { EditionLease } from '../../src/ports.ts';
import type { RunningTimeline } from '../../src/start-timeline.ts';
import { expectSumsToBeFacts } from './sums-against-facts.ts';
import { anOrder, aTouch, TimelineRig } from './timeline-rig.ts';

let rig: TimelineRig;
let timeline: RunningTimeline;
let organization: Organization;
let call: Call;
let contactId: string;
let order: AdmittedEvent;
let purchase: AdmittedEvent;

jest.setTimeout(60_000);

const SOON = { withinMs: 30_000 };
const soon = () => sleep(10);
const NOW = Date.now();
const EARNED = { orders: 1, conversions: 1, revenue: [{ currency: 'EUR', amount: '49.90' }] };

beforeAll(async () => {
  rig = await TimelineRig.open();
  timeline = await rig.start(undefined, { ATTRIBUTION_CHECK_MS: '86400000' });
}, 180_000);

/** An order that a broadcast earned, and a purchase that Meta reported of an ad. */
beforeEach(async () => {
  ({ organization, call } = await rig.organization(timeline));
  contactId = await rig.contact(organization);
  const about = { organizationId: organization.id, contactId };
  await rig.conversations(
    aTouch({ ...about, occurredAtMs: NOW - 3_000, campaign: { type: 'broadcast', id: 'spring' } }),
    aTouch({ ...about, occurredAtMs: NOW - 4_000, referral: { sourceId: '120', ctwaClid: 'clid' } }),
  );
  order = anOrder({ ...about, occurredAtMs: NOW - 1_000 });
  purchase = anOrder({
    ...{ ...about, name: 'whatsapp.purchase', occurredAtMs: NOW - 2_000 },
    properties: '{"ctwa_clid":"clid","value":"25.00","currency":"USD"}',
  });
  await rig.admitted(order, purchase);
  await eventually(async () => {
    const [broadcasts, ads] = [await report('broadcasts'), await report('ads')];
    return broadcasts.totals.conversions === 1 && ads.campaigns[0]?.metaPurchases === 1;
  }, SOON);
});

afterAll(() => rig.close(), 30_000);

const report = async (name: string) => (await call('GET', `/v1/reports/${name}`)).json;
const isoOf = ({ occurredAtMs }: AdmittedEvent) => new Date(occurredAtMs).toISOString();
const dayOf = (event: AdmittedEvent) => isoOf(event).slice(0, 10);
/** As somebody does who should not. */
const tamper = (statement: string) =>
  rig.database.query({
    text: statement.replace('MINE', 'organization_id = $1'),
    values: [organization.id],
  });
const check = async (repair: boolean) => {
  const { differences, ...rest } = await checkReports(rig.audit(), repair);
  return { ...rest, mine: differences.filter(({ organizationId }) => organizationId === organization.id) };
};

describe('the check of the facts', () => {
  it('finds and mends orders that are on the timeline and not among the facts, with what is made of them', async () => {
    for (const table of ['order_fact', 'attribution', 'order_rollup'])
      await tamper(`DELETE FROM timeline.${table} WHERE MINE`);
    const { mine, left } = await check(false);
    expect(left).toBe(2);
    expect(mine).toEqual([
      {
        ...{ organizationId: organization.id, day: dayOf(purchase), place: purchase.eventId },
        ...{
          figure: 'fact',
          held: 'none',
          facts: expect.stringMatching(/^whatsapp\.purchase, 25\.00 USD, of .*, click /),
        },
      },
      {
        ...{ organizationId: organization.id, day: dayOf(order), place: order.eventId },
        ...{ figure: 'fact', held: 'none', facts: `order, 49.90 EUR, of ${contactId}, ${isoOf(order)}` },
      },
    ]);
    expect((await check(true)).left).toBe(0);
    expect((await report('broadcasts')).totals).toMatchObject(EARNED);
    expect((await report('ads')).campaigns).toMatchObject([
      { id: '120', metaPurchases: 1, metaRevenue: [{ currency: 'USD', amount: '25.00' }] },
    ]);
    await expectSumsToBeFacts(rig);
  });

  it('finds and mends an order that is put down twice, with what it earned', async () => {
    const again = `SELECT (jsonb_populate_record(held, jsonb_build_object('event_id', gen_random_uuid()))).*`;
    await tamper(
      `INSERT INTO timeline.order_fact ${again} FROM timeline.order_fact AS held WHERE MINE AND name = 'order'`,
    );
    // By the mending of its attribution it is counted, as it was when something that should not put it down.
    await rig
      .audit()
      .mendOrders(organization.id, (await rig.audit().orders(organization.id, undefined)).differences);
    expect((await report('broadcasts')).totals).toMatchObject({ orders: 2, conversions: 2 });
    const { mine, left } = await check(false);
    expect([mine.map(({ figure, facts }) => [figure, facts]), left]).toEqual([[['fact', 'none']], 1]);
    expect(mine[0]!.held).toBe(`order, 49.90 EUR, of ${contactId}, ${isoOf(order)}`);
    expect((await check(true)).left).toBe(0);
    expect((await report('broadcasts')).totals).toMatchObject(EARNED);
    await expectSumsToBeFacts(rig);
  });

  it.each([
    ['worth', `amount = 1`],
    ['worth that is missing', `amount = NULL, currency = NULL`],
    ['moment', `occurred_at = occurred_at - interval '40 days'`],
    ['name', `name = 'page_viewed'`],
    ['contact', `contact_id = gen_random_uuid()`],
  ])('finds and mends an order whose fact is not what its event says: its %s', async (_, wrong) => {
    await tamper(`UPDATE timeline.order_fact SET ${wrong} WHERE MINE AND name = 'order'`);
    // As a new edition would: the figures follow the fact.
    await rebuildFigures(editionStore(rig.database, rig.editionBook()), 30_000, soon);
    expect((await check(false)).mine).toMatchObject([{ figure: 'fact', place: order.eventId }]);
    expect((await check(true)).left).toBe(0);
    expect((await report('broadcasts')).totals).toMatchObject(EARNED);
    await expectSumsToBeFacts(rig);
  });

  it('takes the facts of an erased contact as they are: of nobody, and no more come; but for what they are worth', async () => {
    const nobodys = () =>
      rig.database.query<{ contact_id: string; amount: string }>({
        text: 'SELECT contact_id, amount::text FROM timeline.order_fact WHERE organization_id = $1 AND event_id = $2',
        values: [organization.id, order.eventId],
      });
    await rig.contactsChanged({
      ...{ id: uuidv7(), organizationId: organization.id, contactId, change: 'erased', atMs: NOW },
    });
    await eventually(async () => (await nobodys()).rows[0]!.contact_id !== contactId, SOON);
    const { rows: before } = await nobodys();
    expect(await check(true)).toMatchObject({ found: 0, mine: [] });
    await tamper(`UPDATE timeline.order_fact SET amount = 1 WHERE MINE AND name = 'order'`);
    expect(await check(true)).toMatchObject({ left: 0, mine: [{ figure: 'fact' }] });
    expect((await nobodys()).rows).toEqual(before);
    await tamper(`DELETE FROM timeline.order_fact WHERE MINE AND name = 'order'`);
    expect((await check(true)).mine.map(({ figure, held }) => [figure, held])).toEqual([
      ['attribution', 'of no order'],
    ]);
    expect((await nobodys()).rows).toEqual([]);
    await expectSumsToBeFacts(rig);
  });

  it('takes an event that its client sent again after weeks for the order that it was first', async () => {
    const again = `SELECT (jsonb_populate_record(held, jsonb_build_object(
      'occurred_at', held.occurred_at - interval '1 day', 'received_at', held.received_at + interval '3 days', 'properties', '{"value":"7"}'::jsonb))).*`;
    await tamper(
      `INSERT INTO timeline.event ${again} FROM timeline.event AS held WHERE MINE AND name = 'order'`,
    );
    expect(await check(false)).toMatchObject({ found: 0 });
    await tamper(`DELETE FROM timeline.order_fact WHERE MINE AND name = 'order'`);
    expect(await check(true)).toMatchObject({ left: 0 });
    expect((await report('broadcasts')).totals).toMatchObject(EARNED);
    await expectSumsToBeFacts(rig);
  });
});

describe('the check of the reports', () => {
  it('finds and mends orders that were never attributed, and what Meta reported that is missing, though the sums agree', async () => {
    expect(await check(false)).toMatchObject({ found: 0, mine: [] });
    await tamper('DELETE FROM timeline.attribution WHERE MINE');
    await tamper('DELETE FROM timeline.order_rollup WHERE MINE');
    const { mine, left } = await check(false);
    expect(new Map(mine.map(({ place, facts, held }) => [place, [facts.split(' at ')[0], held]]))).toEqual(
      new Map([
        [order.eventId, ['broadcast/spring', 'none']],
        [purchase.eventId, [expect.stringMatching(/^25\.00 USD, purchase of 120, /), 'none']],
      ]),
    );
    expect(left).toBe(2);
    expect((await check(true)).left).toBe(0);
    expect((await report('broadcasts')).totals).toMatchObject({
      conversions: 1,
      revenue: [{ currency: 'EUR', amount: '49.90' }],
    });
    expect((await report('ads')).campaigns).toMatchObject([
      { id: '120', metaPurchases: 1, metaRevenue: [{ currency: 'USD', amount: '25.00' }] },
    ]);
  });

  it('finds and mends an order that was given to another than the facts say, with the sums that went with it', async () => {
    await tamper(`UPDATE timeline.attribution SET campaign_id = 'autumn' WHERE MINE AND counted`);
    await tamper(
      `UPDATE timeline.order_rollup SET campaign_id = 'autumn' WHERE MINE AND campaign_type = 'broadcast'`,
    );
    await tamper(
      `UPDATE timeline.attribution SET ad_id = 'other', amount = 26 WHERE MINE AND meta IS NOT NULL`,
    );
    await tamper(
      `UPDATE timeline.order_rollup SET campaign_id = 'other', meta_revenue = 26 WHERE MINE AND meta_purchases > 0`,
    );
    expect((await check(true)).mine.map(({ figure }) => figure)).toEqual(['attribution', 'attribution']);
    await expectSumsToBeFacts(rig);
    expect((await report('broadcasts')).campaigns).toMatchObject([{ id: 'spring', conversions: 1 }]);
    expect((await report('ads')).campaigns).toMatchObject([{ id: '120', metaPurchases: 1 }]);
  });

  it('finds and mends attributions of no order, with the sums that went with them', async () => {
    await tamper(`
      INSERT INTO timeline.attribution SELECT (jsonb_populate_record(held, jsonb_build_object('event_id', gen_random_uuid()))).*
      FROM timeline.attribution AS held WHERE MINE AND counted
    `);
    await tamper(
      `UPDATE timeline.order_rollup SET orders = 2, conversions = 2, revenue = 2 * revenue WHERE MINE AND orders > 0`,
    );
    expect((await report('broadcasts')).totals.orders).toBe(2);
    expect(await check(true)).toMatchObject({
      left: 0,
      mine: [{ figure: 'attribution', held: 'of no order' }],
    });
    await expectSumsToBeFacts(rig);
    expect((await report('broadcasts')).totals).toMatchObject(EARNED);
  });

  it('counts attributions of no order, however many there are', async () => {
    await tamper(`
      INSERT INTO timeline.attribution SELECT (jsonb_populate_record(held, jsonb_build_object('event_id', gen_random_uuid()))).*
      FROM timeline.attribution AS held, generate_series(1, 1200) WHERE MINE AND counted
    `);
    const { mine, left } = await check(false);
    expect(new Set(mine.map(({ figure }) => figure))).toEqual(new Set(['attribution']));
    // And the sums of one day and campaign, in orders, conversions and revenue.
    expect(left).toBe(1_203);
    expect((await check(true)).left).toBe(0);
    await expectSumsToBeFacts(rig);
    expect((await report('broadcasts')).totals).toMatchObject(EARNED);
  });

  it('compares the figures that are read with the facts, though they are replaced and cleared away meanwhile', async () => {
    const store = editionStore(rig.database, rig.editionBook());
    const read = (await store.newest(undefined, 1_000)).find((one) => one.organizationId === organization.id);
    const month = (await rig.audit().months(organization.id)).at(-1)!;
    let replaced = 0;
    const audit = rig.auditThrough(async ({ text }) => {
      if (!text.includes(`AND state = 'current'`) || text.includes('FOR SHARE')) return;
      replaced += 1;
      await store.beginAnew(organization.id, read!.settings);
      await buildEditions({ store, leaseMs: 30_000, isStopped: () => false });
    });
    expect(await audit.orders(organization.id, undefined)).toEqual({ differences: [], next: undefined });
    expect(await audit.sums(organization.id, month)).toEqual([]);
    expect(replaced).toBe(2);
  });

  it('lets writers write while it compares and mends orders and sums: no row of theirs is waited for', async () => {
    await tamper('UPDATE timeline.conversation_rollup SET sent = sent + 5 WHERE MINE');
    await tamper('DELETE FROM timeline.attribution WHERE MINE');
    await tamper('DELETE FROM timeline.order_rollup WHERE MINE');
    // A writer in the middle of its transaction holds the editions, and its rows of facts.
    await rig.database.transaction(async (tx) => {
      await tx.query({ text: 'SELECT timeline.enter_attribution()' });
      await tx.query({
        text: 'SELECT FROM timeline.order_fact WHERE organization_id = $1 FOR UPDATE',
        values: [organization.id],
      });
      const { mine, left } = await check(true);
      expect([new Set(mine.map(({ figure }) => figure)), left]).toEqual([
        new Set(['attribution', 'sent']),
        0,
      ]);
    });
    expect((await report('broadcasts')).totals.conversions).toBe(1);
    await expectSumsToBeFacts(rig);
  });

  it('makes all figures of orders again beside those that are read', async () => {
    await tamper('DELETE FROM timeline.order_fact WHERE MINE');
    await tamper('DELETE FROM timeline.attribution WHERE MINE');
    await tamper('DELETE FROM timeline.order_rollup WHERE MINE');
    expect((await report('broadcasts')).totals.orders).toBe(0);
    await rebuildFigures(editionStore(rig.database, rig.editionBook()), 30_000, soon);
    expect((await report('broadcasts')).campaigns).toMatchObject([{ id: 'spring', conversions: 1 }]);
    expect((await report('ads')).campaigns).toMatchObject([{ id: '120', metaPurchases: 1 }]);
    await expectSumsToBeFacts(rig);
  });

  it('collects orders again that are missing; one that is there stays what it is, wrong or not, until it is removed', async () => {
    const earned = async () => (await report('broadcasts')).totals.revenue;
    const figuresMadeAgain = () =>
      rebuildFigures(editionStore(rig.database, rig.editionBook()), 30_000, soon);
    await tamper(`UPDATE timeline.order_fact SET amount = 1 WHERE MINE AND name = 'order'`);
    await figuresMadeAgain();
    expect(await earned()).toEqual([{ currency: 'EUR', amount: '1.00' }]);
    await tamper(`DELETE FROM timeline.order_fact WHERE MINE AND name = 'order'`);
    await figuresMadeAgain();
    expect(await earned()).toEqual([{ currency: 'EUR', amount: '49.90' }]);
    await expectSumsToBeFacts(rig);
  });

  it('says that figures are made again when they are, also where a running service is quicker to build them', async () => {
    await tamper('DELETE FROM timeline.attribution WHERE MINE');
    await tamper('DELETE FROM timeline.order_rollup WHERE MINE');
    const store = editionStore(rig.database, rig.editionBook());
    let others: EditionLease | undefined;
    await rebuildFigures(
      {
        ...store,
        beginAnew: async (organizationId, settings) => {
          await store.beginAnew(organizationId, settings);
          if (organizationId === organization.id) others = await store.claim(30_000);
        },
        // The other one takes its time: it goes on only when it is waited for.
        isBuilding: async (organizationId) => {
          const isBuilding = await store.isBuilding(organizationId);
          if (isBuilding) await store.step(others!, 30_000);
          return isBuilding;
        },
      },
      30_000,
      soon,
    );
    expect(others?.organizationId).toBe(organization.id);
    expect(await store.isBuilding(organization.id)).toBe(false);
    expect((await report('broadcasts')).campaigns).toMatchObject([{ id: 'spring', conversions: 1 }]);
  });
});

describe('a check of much', () => {
  it('goes through events and facts in pages, however many there are', async () => {
    // More than are looked at in one statement, before, between and after the orders; and orders of no event.
    await tamper(`
      INSERT INTO timeline.event SELECT (jsonb_populate_record(held, jsonb_build_object(
        'id', gen_random_uuid(), 'name', 'page_viewed', 'occurred_at', held.occurred_at + (n - 6000) * interval '1 ms'))).*
      FROM timeline.event AS held, generate_series(1, 11000) AS n WHERE MINE AND name = 'order'
    `);
    await tamper(`
      INSERT INTO timeline.order_fact SELECT (jsonb_populate_record(held, jsonb_build_object('event_id', gen_random_uuid()))).*
      FROM timeline.order_fact AS held, generate_series(1, 2500) WHERE MINE AND name = 'order'
    `);
    await tamper(`DELETE FROM timeline.order_fact WHERE event_id = '${order.eventId}' AND MINE`);
    const { found } = await check(false);
    // 2,500 that are no orders, one that is missing, what is made of all of them: 2,500 attributions that there are not, one of no order.
    expect(found).toBe(2_500 + 1 + 2_500 + 1);
    expect((await check(true)).left).toBe(0);
    expect((await report('broadcasts')).totals).toMatchObject(EARNED);
    await expectSumsToBeFacts(rig);
  });
});
