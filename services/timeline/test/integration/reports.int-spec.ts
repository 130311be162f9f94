import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Organization } from '@trackline/directory';
import { eventually, type Call } from '@trackline/testkit';
import type { RunningTimeline } from '../../src/start-timeline.ts';
import { checkReports } from '../../src/pipeline/check-reports.ts';
import { addRows, emptyRow, fromShown, referenceReport } from './attribution-reference.ts';
import { makeWorld, type World } from './attribution-world.ts';
import { expectSumsToBeFacts } from './sums-against-facts.ts';
import { TimelineRig } from './timeline-rig.ts';

let rig: TimelineRig;
let timeline: RunningTimeline;
let organization: Organization;
let call: Call;
let world: World;

jest.setTimeout(300_000);

const SIZE = { contacts: 3_000, touches: 20_000, orders: 50_000, merges: 150 };
const NOW = Date.now();
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const RANGE = `from=${day(NOW - 25 * 86_400_000)}&to=${day(NOW)}`;
const TYPES = { broadcasts: 'broadcast', automations: 'automation', ads: 'ad' } as const;

const report = async (name: string, query = '') =>
  (await call('GET', `/v1/reports/${name}?${RANGE}${query}`)).json;

beforeAll(async () => {
  rig = await TimelineRig.open();
  timeline = await rig.start();
  ({ organization, call } = await rig.organization(timeline));
  await rig.directory.updateOrganization(organization.id, { settings: { attributionWindowHours: 72 } });
  world = makeWorld(organization.id, NOW, SIZE, 20261121);
  // Side by side, and not in the order of their times: what comes late has to be attributed anew.
  await Promise.all([
    inParts(world.orders, rig.admitted),
    inParts([...world.touches, ...world.touches.slice(0, 500)], rig.conversations),
    inParts(world.merges, rig.contactsChanged),
  ]);
}, 180_000);

/** A publisher takes so much at once. */
async function inParts<Item>(
  items: readonly Item[],
  publish: (...part: Item[]) => Promise<unknown>,
): Promise<void> {
  for (let at = 0; at < items.length; at += 2_000) await publish(...items.slice(at, at + 2_000));
}

afterAll(() => rig.close(), 30_000);

const POURED_AT_ONCE = 20;

/** Publishes orders, the next ones when the last are put down, while it is wanted. Gives how many. */
async function pour(orders: World['orders'], isWanted: () => boolean): Promise<number> {
  let poured = 0;
  while (poured < orders.length && isWanted()) {
    await rig.admitted(...orders.slice(poured, poured + POURED_AT_ONCE));
    poured += POURED_AT_ONCE;
    await eventually(async () => (await rig.count('order_fact')) >= SIZE.orders + poured, {
      withinMs: 60_000,
    });
  }
  return poured;
}

/** Waits until as much is put down as there is, and every merge has had its effect. */
const settled = () =>
  eventually(
    async () => {
      const { totals } = await report('performance');
      return (
        totals.orders === SIZE.orders &&
        totals.conversations === SIZE.touches &&
        (await rig.count('alias')) === SIZE.merges
      );
    },
    { withinMs: 150_000, everyMs: 200 },
  );

async function expectReportsToBeReference(windowHours: number, model: string): Promise<void> {
  const reference = referenceReport(world.saidTouches, world.saidOrders, windowHours, model);
  const all = addRows(reference.values());
  const performance = await report('performance', '&groupBy=week');
  expect(fromShown(performance.totals)).toEqual(all);
  expect(addRows(performance.bySource.map(fromShown))).toEqual(all);
  expect(addRows(performance.series.map(fromShown))).toEqual(all);
  const parts = [fromShown(performance.bySource.at(-1))];
  expect(parts[0]).toEqual(reference.get('organic/'));
  for (const [name, type] of Object.entries(TYPES)) {
    const { campaigns, totals } = await report(name);
    for (const { id, ...row } of campaigns) expect(fromShown(row)).toEqual(reference.get(`${type}/${id}`));
    expect(campaigns).toHaveLength([...reference.keys()].filter((key) => key.startsWith(type)).length);
    parts.push(fromShown(totals));
  }
  expect(addRows(parts)).toEqual(all);
}

describe('50,000 orders at random', () => {
  it('are reported to the cent as the reference says, and the reports add up', async () => {
    await settled();
    await expectReportsToBeReference(72, 'last_touch');
    await expectSumsToBeFacts(rig);
  });

  it('are the same in the lines of the CSV', async () => {
    const { text } = await call('GET', `/v1/reports/performance?${RANGE}&format=csv`);
    const [header, ...lines] = text.trimEnd().split('\r\n');
    const names = header!.split(',');
    const rows = lines.map((line) => {
      const cells = line.split(',');
      const at = (name: string) => cells[names.indexOf(name)]!;
      return fromShown({
        conversations: Number(at('conversations')),
        orders: Number(at('orders')),
        conversions: Number(at('conversions')),
        revenue: names
          .filter((name) => name.startsWith('revenue_') && at(name) !== '')
          .map((name) => ({ currency: name.slice(-3), amount: at(name) })),
      });
    });
    expect(addRows(rows)).toEqual(addRows([fromShown((await report('performance')).totals)]));
  });

  it('are reported anew once the window and the model have changed', async () => {
    const settings = { attributionWindowHours: 24, attributionModel: 'first_touch' } as const;
    await rig.directory.updateOrganization(organization.id, { settings });
    await eventually(
      async () => {
        const { attribution } = await report('performance');
        return attribution.windowHours === 24 && attribution.recomputing === undefined;
      },
      { withinMs: 150_000, everyMs: 200 },
    );
    await expectReportsToBeReference(24, 'first_touch');
    await expectSumsToBeFacts(rig);
    await eventually(async () => (await rig.count('attribution')) === SIZE.orders, { withinMs: 60_000 });
  });

  it('are mended when orders and sums have gone wrong, while orders pour in', async () => {
    const more = makeWorld(organization.id, NOW, { contacts: 50, touches: 0, orders: 2_000, merges: 0 }, 7);
    await rig.database.query({
      text: `UPDATE timeline.order_rollup SET revenue = revenue + 1, orders = orders + 1 WHERE currency = 'EUR'`,
    });
    await rig.database.query({
      text: `DELETE FROM timeline.conversation_rollup WHERE campaign_type = 'ad' AND shard = 0`,
    });
    // With its sums left as they are: what is mended moves them, and they are found wrong once more.
    await rig.database.query({
      text: `UPDATE timeline.attribution SET campaign_id = 'nobody' WHERE event_id = ANY($1::uuid[]) AND converted`,
      values: [world.orders.slice(0, 400).map(({ eventId }) => eventId)],
    });
    // Writers go on: orders are put down, some at a time, for as long as orders and sums are compared and mended.
    let isChecking = true;
    const pouring = pour(more.orders, () => isChecking);
    const { differences, found, left } = await checkReports(rig.audit(), true);
    isChecking = false;
    const poured = await pouring;
    expect(poured).toBeGreaterThan(2 * POURED_AT_ONCE);
    await inParts(more.orders.slice(poured), rig.admitted);
    expect(new Set(differences.map(({ figure }) => figure))).toEqual(
      new Set(['attribution', 'orders', 'conversions', 'revenue', 'conversations', 'sent']),
    );
    expect([found > 100, left]).toEqual([true, 0]);
    world = {
      ...world,
      orders: [...world.orders, ...more.orders],
      saidOrders: [...world.saidOrders, ...more.saidOrders],
    };
    await eventually(
      async () => (await report('performance')).totals.orders === SIZE.orders + more.orders.length,
      { withinMs: 60_000, everyMs: 200 },
    );
    await expectSumsToBeFacts(rig);
    await expectReportsToBeReference(24, 'first_touch');
    expect(emptyRow()).not.toEqual(fromShown((await report('ads')).totals));
  });
});
