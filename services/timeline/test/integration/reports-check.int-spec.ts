import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AdmittedEvent } from '@trackline/contracts';
import type { Organization } from '@trackline/directory';
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

  it('names an attribution that is of no order', async () => {
    await tamper('DELETE FROM timeline.order_fact WHERE MINE AND message_key IS NULL AND click_key IS NULL');
    expect(await check(true)).toMatchObject({
      left: 1,
      mine: [{ place: order.eventId, held: 'of no order' }],
    });
    await tamper('DELETE FROM timeline.attribution WHERE MINE AND counted');
    expect(await check(true)).toMatchObject({ left: 0 });
    expect((await report('broadcasts')).totals.orders).toBe(0);
  });

  it('names an attribution of something that is no order in the figures that are read', async () => {
    await tamper(`UPDATE timeline.order_fact SET name = 'page_viewed' WHERE MINE AND name = 'order'`);
    expect(await check(true)).toMatchObject({
      left: 1,
      mine: [{ place: order.eventId, held: 'of no order' }],
    });
    await rebuildFigures(editionStore(rig.database, rig.editionBook()), 30_000, soon);
    expect(await check(false)).toMatchObject({ found: 0 });
    expect((await report('broadcasts')).totals.orders).toBe(0);
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
    await tamper(
      `DELETE FROM timeline.attribution WHERE MINE AND event_id NOT IN (SELECT event_id FROM timeline.order_fact)`,
    );
    await expectSumsToBeFacts(rig);
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
