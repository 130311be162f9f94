import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '@trackline/testkit';
import { factSweep } from '../../src/adapters/postgres/attribution/fact-sweep.ts';
import { editionStore } from '../../src/adapters/postgres/attribution/edition-store.ts';
import { factsKeptFrom } from '../../src/domain/retention.ts';
import { rebuildFigures } from '../../src/pipeline/rebuild-figures.ts';
import { sweepFacts } from '../../src/pipeline/sweep-facts.ts';
import type { RunningTimeline } from '../../src/start-timeline.ts';
import { expectSumsToBeFacts } from './sums-against-facts.ts';
import { anOrder, aTouch, TimelineRig } from './timeline-rig.ts';

let rig: TimelineRig;
let timeline: RunningTimeline;

jest.setTimeout(60_000);

const NOW = Date.now();
const HOUR_MS = 3_600_000;
const KEPT_FROM = factsKeptFrom(NOW);
const SOON = { withinMs: 30_000 };
const soon = () => sleep(10);

beforeAll(async () => {
  rig = await TimelineRig.open();
  timeline = await rig.start();
}, 180_000);

afterAll(() => rig.close(), 30_000);

describe('facts of attribution', () => {
  it('go when they are past keeping, page by page, with the sums that were made of them and no others', async () => {
    const { organization, call } = await rig.organization(timeline);
    const contactId = await rig.contact(organization);
    const about = { organizationId: organization.id, contactId };
    const touchAt = (occurredAtMs: number, id: string) =>
      aTouch({ ...about, occurredAtMs, messageId: `wamid.${id}`, campaign: { type: 'broadcast', id } });
    const orderAt = (occurredAtMs: number) => anOrder({ ...about, occurredAtMs });
    const long = KEPT_FROM - 400 * HOUR_MS;
    await rig.conversations(
      ...Array.from({ length: 7 }, (_, i) => touchAt(long + i * HOUR_MS, `old-${i}`)),
      // Not kept for its own sake: an order that is kept was earned by it.
      touchAt(KEPT_FROM - 24 * HOUR_MS, 'eve'),
      touchAt(NOW - 2 * HOUR_MS, 'new'),
    );
    await rig.admitted(
      ...Array.from({ length: 5 }, (_, i) => orderAt(long + (i + 1) * HOUR_MS)),
      orderAt(KEPT_FROM + 24 * HOUR_MS),
      orderAt(NOW - HOUR_MS),
    );
    await eventually(
      async () => (await rig.count('attribution')) === 7 && (await rig.count('conversation')) === 9,
      SOON,
    );

    const first = await factSweep(rig.database, 2).removeSome(KEPT_FROM);
    expect(first).toBe(2);
    const removed = await sweepFacts(factSweep(rig.database, 2), NOW);
    expect(removed).toBeGreaterThan(10);
    expect(await sweepFacts(factSweep(rig.database, 2), NOW)).toBe(0);

    expect(
      await Promise.all(['order_fact', 'attribution', 'conversation'].map((table) => rig.count(table))),
    ).toEqual([2, 2, 2]);
    const from = new Date(KEPT_FROM).toISOString().slice(0, 10);
    const report = async () => (await call('GET', `/v1/reports/broadcasts?from=${from}&groupBy=month`)).json;
    expect((await report()).campaigns).toMatchObject([
      { id: 'new', conversations: 1, conversions: 1 },
      { id: 'eve', conversations: 0, conversions: 1 },
    ]);
    await expectSumsToBeFacts(rig);
    const { rows } = await rig.database.query({
      text: 'SELECT day FROM timeline.order_rollup UNION ALL SELECT day FROM timeline.conversation_rollup',
    });
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ day }) => new Date(String(day)).getTime() < KEPT_FROM)).toEqual([]);

    // What is told of it later is an old message again, for the next run to remove; nothing that is kept moves.
    await rig.conversations({ ...touchAt(long, 'old-0'), status: 'read' });
    await eventually(async () => (await rig.count('conversation')) === 3, SOON);
    await expectSumsToBeFacts(rig);
    expect(await sweepFacts(factSweep(rig.database), NOW)).toBeGreaterThan(0);
    expect(await rig.count('conversation')).toBe(2);

    const tooFar = await call('GET', '/v1/reports/broadcasts?from=2020-01-01&to=2020-01-31');
    expect([tooFar.status, tooFar.json.details[0].message]).toEqual([422, expect.stringContaining(from)]);
  });

  it('keep the ad that Meta reported something of, though what told of the ad has gone', async () => {
    const { organization, call } = await rig.organization(timeline);
    const about = { organizationId: organization.id, contactId: await rig.contact(organization) };
    const meta = (name: string, properties: string) =>
      anOrder({ ...about, name, properties, occurredAtMs: KEPT_FROM + 24 * HOUR_MS });
    const events = [
      meta('whatsapp.purchase', '{"ctwa_clid":"clid","value":"25.00","currency":"USD"}'),
      // Without a click: it is the last ad's before it.
      meta('whatsapp.lead_submitted', '{}'),
    ];
    const touch = aTouch({
      ...{ ...about, occurredAtMs: KEPT_FROM - 400 * HOUR_MS },
      referral: { sourceId: '120', ctwaClid: 'clid' },
    });
    await rig.conversations(touch);
    const from = new Date(KEPT_FROM).toISOString().slice(0, 10);
    const ads = async () =>
      (await call('GET', `/v1/reports/ads?from=${from}&groupBy=month`)).json.campaigns.map(
        ({ id, metaLeads, metaPurchases }: Record<string, unknown>) => ({ id, metaLeads, metaPurchases }),
      );
    const found = [{ id: '120', metaLeads: 1, metaPurchases: 1 }];
    await eventually(async () => (await rig.count('conversation')) === 3, SOON);
    await rig.admitted(...events);
    await eventually(async () => (await rig.count('attribution')) === 4, SOON);
    expect(await ads()).toEqual(found);
    expect(await sweepFacts(factSweep(rig.database), NOW)).toBeGreaterThan(0);
    expect(await rig.count('conversation')).toBe(2);

    // A click of another ad makes all that Meta reported of the contact be looked at anew.
    await rig.conversations(
      aTouch({ ...about, occurredAtMs: NOW, referral: { sourceId: '121', ctwaClid: 'later' } }),
    );
    await eventually(async () => (await rig.count('conversation')) === 3, SOON);
    expect((await ads()).filter(({ metaLeads }: { metaLeads: number }) => metaLeads > 0)).toEqual(found);
    await rebuildFigures(editionStore(rig.database, rig.editionBook()), 30_000, soon);
    expect((await ads()).filter(({ metaLeads }: { metaLeads: number }) => metaLeads > 0)).toEqual(found);
    await expectSumsToBeFacts(rig);
  });

  it('are left where they are when the run is stopped', async () => {
    const sweep = { removeSome: async () => 1 };
    let runs = 0;
    expect(await sweepFacts(sweep, NOW, () => (runs += 1) > 3)).toBe(3);
  });
});
