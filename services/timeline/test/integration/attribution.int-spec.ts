import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CONTACTS, type AdmittedEvent, type TouchedConversation } from '@trackline/contracts';
import type { Organization } from '@trackline/directory';
import { uuidv7 } from '@trackline/kernel';
import { eventually, type Call } from '@trackline/testkit';
import { contactFactWriter } from '../../src/adapters/postgres/contact-facts.ts';
import type { ContactFact } from '../../src/ports.ts';
import type { RunningTimeline } from '../../src/start-timeline.ts';
import { expectSumsToBeFacts } from './sums-against-facts.ts';
import { anAction, anEvent, anOrder, aTouch, TimelineRig } from './timeline-rig.ts';

let rig: TimelineRig;
let timeline: RunningTimeline;
let organization: Organization;
let call: Call;
let contactId: string;

jest.setTimeout(30_000);

const HOUR_MS = 3_600_000;
const NOW = Date.now();
const ago = (hours: number): number => NOW - Math.round(hours * HOUR_MS);

beforeAll(async () => {
  rig = await TimelineRig.open();
  timeline = await rig.start();
}, 180_000);

beforeEach(async () => {
  ({ organization, call } = await rig.organization(timeline));
  contactId = await rig.contact(organization);
});

afterEach(() => expectSumsToBeFacts(rig));

afterAll(() => rig.close(), 30_000);

const order = (hoursAgo: number, more: Partial<AdmittedEvent> = {}) =>
  anOrder({ organizationId: organization.id, contactId, occurredAtMs: ago(hoursAgo), ...more });

const touch = (hoursAgo: number, more: Partial<TouchedConversation> = {}) =>
  aTouch({ organizationId: organization.id, contactId, occurredAtMs: ago(hoursAgo), ...more });

const broadcast = (hoursAgo: number, id: string, more: Partial<TouchedConversation> = {}) =>
  touch(hoursAgo, { campaign: { type: 'broadcast', id, name: `The ${id}` }, ...more });

const attributionOf = async ({ eventId }: AdmittedEvent) =>
  (await call('GET', `/v1/events/${eventId}`)).json.attribution;

/** Waits until the order is attributed so. */
const attributed = (event: AdmittedEvent, expected: object) =>
  eventually(
    async () => {
      expect(await attributionOf(event)).toMatchObject(expected);
      return true;
    },
    { withinMs: 20_000 },
  );

const report = async (name: string, query = '') =>
  (await call('GET', `/v1/reports/${name}?from=${day(ago(24 * 29))}&to=${day(NOW)}${query}`)).json;

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

describe('an order', () => {
  it('is earned by the broadcast and not by the reply to it, and its receipt says why', async () => {
    await rig.conversations(broadcast(5, 'spring'), touch(4, { direction: 'inbound', source: 'meta' }));
    const earned = order(1);
    await rig.admitted(earned);
    await attributed(earned, {
      conversion: true,
      reason: 'campaign_conversation',
      campaign: { type: 'broadcast', id: 'spring', name: 'The spring' },
      conversationAt: new Date(ago(5)).toISOString(),
      revenue: { currency: 'EUR', amount: '49.90' },
      model: 'last_touch',
      windowHours: 168,
    });
    const list = await call('GET', '/v1/events?name=order');
    expect(list.json.items[0].attribution.campaign.id).toBe('spring');
    const { totals, campaigns } = await report('broadcasts');
    expect(campaigns).toEqual([
      {
        ...{ id: 'spring', name: 'The spring', type: 'broadcast', sent: 1, delivered: 0, read: 0 },
        ...{ conversations: 1, orders: 1, conversions: 1, conversionRate: 1 },
        revenue: [{ currency: 'EUR', amount: '49.90' }],
      },
    ]);
    expect(totals.conversions).toBe(1);
    expect(
      (await report('performance')).bySource.map((row: { conversions: number }) => row.conversions),
    ).toEqual([1, 0, 0, 0]);
  });

  it('that nobody earned says so, and one that is no order says nothing', async () => {
    const [none, past, other] = [
      order(1),
      order(300),
      anEvent({ organizationId: organization.id, contactId }),
    ];
    await rig.admitted(none, past, other);
    await attributed(none, { conversion: false, reason: 'no_conversation' });
    await rig.conversations(broadcast(200, 'old'));
    await attributed(none, { conversion: false, reason: 'outside_window' });
    await attributed(past, { conversion: false, reason: 'after_order' });
    expect(await attributionOf(other)).toBeUndefined();
    const { totals, bySource } = await report('performance');
    expect(totals).toMatchObject({ orders: 2, conversions: 0, revenue: [] });
    expect(bySource.at(-1)).toMatchObject({ type: 'organic', orders: 2, conversions: 0 });
  });

  it('is attributed anew by conversations that come late, at the edges of the window to the millisecond', async () => {
    const sale = order(0);
    await rig.admitted(sale);
    await attributed(sale, { conversion: false });
    const edge = sale.occurredAtMs - 168 * HOUR_MS;
    await rig.conversations(
      broadcast(0, 'past', { occurredAtMs: edge - 1 }),
      broadcast(0, 'late', { occurredAtMs: sale.occurredAtMs + 1 }),
      touch(3, { direction: 'inbound' }),
    );
    await attributed(sale, { reason: 'organic_conversation', campaign: { type: 'organic' } });
    await rig.conversations(broadcast(0, 'edge', { occurredAtMs: edge }));
    await attributed(sale, { campaign: { id: 'edge' } });
    await rig.conversations(broadcast(0, 'exact', { occurredAtMs: sale.occurredAtMs }));
    await attributed(sale, { campaign: { id: 'exact' } });
    const { bySource, totals } = await report('performance');
    expect(totals).toMatchObject({ orders: 1, conversions: 1, conversations: 5 });
    expect(bySource[0]).toMatchObject({ conversions: 1 });
    expect(bySource.at(-1)).toMatchObject({ orders: 0, conversions: 0 });
  });

  it('changes nothing when it comes again, and neither does a conversation', async () => {
    const sale = order(1);
    const sent = broadcast(2, 'b', { messageId: 'wamid.1' });
    const again = { ...sale, position: { source: 'received.1.4', offset: 0 } };
    await rig.conversations(sent, sent);
    await rig.admitted(sale, sale);
    await rig.admitted(again);
    await rig.conversations({ ...sent, id: 'another telling' });
    const after = order(0.5, {
      properties: '{"total":"1.10","currency":"EUR"}',
      position: { source: 'received.1.5', offset: 1 },
    });
    await rig.admitted(after);
    await attributed(after, { conversion: true });
    expect((await report('broadcasts')).totals).toMatchObject({
      ...{ sent: 1, conversations: 1, orders: 2, conversions: 2 },
      revenue: [{ currency: 'EUR', amount: '51.00' }],
    });
  });

  it('counts without revenue, and in as many currencies as there are, exactly', async () => {
    await rig.directory.updateOrganization(organization.id, { settings: { defaultCurrency: 'GBP' } });
    await rig.conversations(broadcast(5, 'b'));
    const worth = [
      '{}',
      '{"value":0.1,"currency":"usd"}',
      '{"value":0.2,"currency":"USD"}',
      '{"value":90071992547409.93,"currency":"JPY"}',
      '{"amount":"10.005"}',
      '{"value":"none","order_total":3}',
    ];
    const sales = worth.map((properties) => order(1, { properties }));
    await rig.admitted(...sales);
    await attributed(sales.at(-1)!, { revenue: { currency: 'GBP', amount: '3.00' } });
    expect((await attributionOf(sales[0]!)).revenue).toBeUndefined();
    expect((await report('broadcasts')).totals).toMatchObject({
      conversions: 6,
      revenue: [
        { currency: 'GBP', amount: '13.005' },
        { currency: 'JPY', amount: '90071992547409.93' },
        { currency: 'USD', amount: '0.30' },
      ],
    });
  });
});

describe('an automation', () => {
  it('does not earn the order that set it off, but those after it', async () => {
    const workflowId = uuidv7();
    const executionId = uuidv7();
    // A clock that is ahead: what the order sets off comes before it.
    const first = order(0, { occurredAtMs: NOW + 60_000 });
    const sent = anAction({
      organizationId: organization.id,
      contactId,
      ...{ executionId, workflowId, completedAtMs: NOW, providerMessageId: 'wamid.a' },
    });
    await rig.admitted(first);
    await rig.actions(sent);
    await attributed(first, { campaign: { type: 'automation', id: workflowId } });
    await rig.executions({
      ...{
        id: uuidv7(),
        organizationId: organization.id,
        contactId,
        executionId,
        workflowId,
        workflowVersion: 1,
      },
      ...{ effect: 'started', workflowName: 'Thanks', eventId: first.eventId, status: 'active', atMs: NOW },
    });
    await attributed(first, { conversion: false, reason: 'caused_by_order' });
    const second = order(0, { occurredAtMs: NOW + 61_000 });
    await rig.admitted(second);
    await attributed(second, { campaign: { type: 'automation', id: workflowId } });
    await rig.conversations(
      touch(0, { source: 'meta', status: 'read', messageId: 'wamid.a', occurredAtMs: NOW + 5 }),
    );
    await eventually(async () => (await report('automations')).totals.read === 1);
    const { campaigns } = await report('automations');
    expect(campaigns).toMatchObject([
      { id: workflowId, name: 'Thanks', sent: 1, delivered: 1, read: 1, conversations: 1, conversions: 1 },
    ]);
  });

  it('does not earn it when only the messenger tells of it, and is one conversation with what is completed later', async () => {
    const [workflowId, executionId] = [uuidv7(), uuidv7()];
    const about = { organizationId: organization.id, contactId, executionId, workflowId };
    // The messenger's times are whole seconds: what the order sets off stands before it.
    const wholeSecond = Math.floor(NOW / 1_000) * 1_000;
    const first = order(0, { occurredAtMs: wholeSecond + 700 });
    await rig.admitted(first);
    await rig.executions({
      ...{ ...about, id: uuidv7(), workflowVersion: 1, effect: 'started', workflowName: 'Thanks' },
      ...{ eventId: first.eventId, status: 'active', atMs: wholeSecond + 800 },
    });
    await rig.conversations(
      touch(0, {
        ...{ source: 'meta', status: 'delivered', messageId: 'wamid.lost', occurredAtMs: wholeSecond },
        ...{ campaign: { type: 'automation', id: workflowId }, executionId },
      }),
    );
    await attributed(first, { conversion: false, reason: 'caused_by_order' });
    const second = order(0, { occurredAtMs: wholeSecond + 1_500 });
    await rig.admitted(second);
    await attributed(second, { campaign: { type: 'automation', id: workflowId } });
    const line = { id: workflowId, name: 'Thanks', sent: 1, delivered: 1, conversations: 1, conversions: 1 };
    expect((await report('automations')).campaigns).toMatchObject([line]);
    // What comes after it has come through when the second of them counts.
    for (const providerMessageId of ['wamid.lost', 'wamid.other'])
      await rig.actions(anAction({ ...about, completedAtMs: wholeSecond + 900, providerMessageId }));
    await eventually(async () => (await report('automations')).campaigns[0].conversations > 1);
    expect((await report('automations')).campaigns).toMatchObject([{ ...line, sent: 2, conversations: 2 }]);
    await attributed(first, { conversion: false, reason: 'caused_by_order' });
  });

  it('is called as its workflow was when it last began, whatever began it', async () => {
    const [workflowId, later] = [uuidv7(), uuidv7()];
    const began = (workflow: string, workflowName: string, atMs: number) => ({
      ...{ id: uuidv7(), organizationId: organization.id, contactId, executionId: uuidv7() },
      ...{ workflowId: workflow, workflowVersion: 1, workflowName, status: 'active', atMs },
      effect: 'started' as const,
    });
    await rig.actions(anAction({ organizationId: organization.id, contactId, workflowId }));
    await rig.executions(began(workflowId, 'Renamed', NOW), began(workflowId, 'Old', NOW - 1_000));
    await rig.executions(began(later, 'Later', NOW));
    await eventually(
      async () => {
        const { items } = (await call('GET', '/v1/campaigns')).json;
        expect(items).toMatchObject([
          { type: 'automation', id: workflowId, name: 'Renamed' },
          { type: 'automation', id: later, name: 'Later' },
        ]);
        return true;
      },
      { withinMs: 20_000 },
    );
  });
});

describe('an automation that waits for the order', () => {
  it('earns it by what it sent before', async () => {
    const about = { executionId: uuidv7(), workflowId: uuidv7() };
    const bought = order(1);
    await rig.executions({
      ...{ id: uuidv7(), organizationId: organization.id, contactId, ...about, workflowVersion: 1 },
      ...{ effect: 'resumed', eventId: bought.eventId, status: 'active', atMs: ago(1) },
    });
    await rig.admitted(bought);
    await eventually(
      async () => (await call('GET', `/v1/events/${bought.eventId}`)).json.executionsResumed === 1,
      { withinMs: 20_000 },
    );
    await rig.actions(
      anAction({
        organizationId: organization.id,
        contactId,
        ...about,
        completedAtMs: ago(2),
        providerMessageId: 'wamid.cart',
      }),
    );
    await attributed(bought, { conversion: true, campaign: { type: 'automation', id: about.workflowId } });
  });
});

describe('an ad', () => {
  it('has what Meta reported of it, in whatever order it comes, and apart from conversions', async () => {
    const referral = { ctwaClid: 'Afc3', sourceId: 'ad-1', sourceType: 'ad', headline: 'Shoes' };
    const meta = (name: string, properties: object) =>
      order(1, { name, properties: JSON.stringify({ message_id: 'wamid.x', ...properties }) });
    const lead = meta('whatsapp.lead_submitted', { ctwa_clid: 'Afc3' });
    const purchase = meta('whatsapp.purchase', { ctwa_clid: 'Afc3', currency: 'USD', value: '25.00' });
    const unknown = meta('whatsapp.lead_submitted', { ctwa_clid: 'other' });
    await rig.admitted(lead, purchase, unknown);
    await eventually(async () => (await report('ads')).totals.metaLeads === 2);
    expect((await report('ads')).campaigns).toMatchObject([
      { id: 'unknown', name: 'Ad not known', metaLeads: 2 },
    ]);
    await rig.conversations(
      touch(2, { direction: 'inbound', source: 'meta', messageId: 'wamid.m', referral }),
    );
    await eventually(async () => (await report('ads')).campaigns.length === 2);
    const fromStatus = meta('whatsapp.lead_submitted', {});
    await rig.admitted(fromStatus);
    await eventually(async () => (await report('ads')).totals.metaLeads === 3);
    const { campaigns, totals } = await report('ads');
    expect(campaigns.find(({ id }: { id: string }) => id === 'ad-1')).toMatchObject({
      ...{ name: 'Shoes', conversations: 1, sent: 0, conversions: 0, orders: 0 },
      ...{ metaLeads: 2, metaPurchases: 1, metaRevenue: [{ currency: 'USD', amount: '25.00' }] },
    });
    expect(totals).toMatchObject({ conversions: 0, revenue: [] });
    expect((await report('performance')).totals).toMatchObject({ conversions: 0, orders: 0 });
    expect((await report('performance')).totals.metaLeads).toBeUndefined();
    expect(await attributionOf(purchase)).toBeUndefined();
  });
});

describe('a contact that was merged', () => {
  const merged = (from: string, into: string) =>
    rig.contactsChanged({
      ...{ id: uuidv7(), organizationId: organization.id, contactId: from },
      ...{ change: 'merged', into, atMs: Date.now() },
    });

  it('brings its conversations to the orders of the other, and its orders to the conversations', async () => {
    const other = await rig.contact(organization);
    const sales = [order(1), order(1, { contactId: other })];
    await rig.conversations(broadcast(3, 'mine'), broadcast(2, 'theirs', { contactId: other }));
    await rig.admitted(...sales);
    await attributed(sales[0]!, { campaign: { id: 'mine' } });
    await attributed(sales[1]!, { campaign: { id: 'theirs' } });
    await merged(contactId, other);
    await attributed(sales[0]!, { campaign: { id: 'theirs' } });
    await rig.conversations(broadcast(1.5, 'old id'));
    for (const sale of sales) await attributed(sale, { campaign: { id: 'old id' } });
    const late = order(0.5, { contactId: other });
    await rig.admitted(late);
    await attributed(late, { campaign: { id: 'old id' } });
    expect((await report('broadcasts')).totals).toMatchObject({
      orders: 3,
      conversions: 3,
      conversations: 3,
    });
  });

  it('was only evidence before: events first, messages later', async () => {
    const provisional = await rig.contact(organization);
    const purchase = order(1, {
      contactId: provisional,
      name: 'whatsapp.purchase',
      properties: '{"ctwa_clid":"clid-9","message_id":"m","currency":"EUR","value":"9.00"}',
    });
    await rig.admitted(purchase);
    await eventually(async () => (await report('ads')).totals.metaPurchases === 1);
    await rig.conversations(
      touch(2, { direction: 'inbound', source: 'meta', referral: { ctwaClid: 'clid-9', sourceId: 'ad-9' } }),
    );
    await merged(provisional, contactId);
    await eventually(async () =>
      (await report('ads')).campaigns.some(
        ({ id, metaPurchases }: { id: string; metaPurchases: number }) =>
          id === 'ad-9' && metaPurchases === 1,
      ),
    );
    expect((await report('ads')).totals.metaRevenue).toEqual([{ currency: 'EUR', amount: '9.00' }]);
  });
});

describe('a contact that was erased', () => {
  it('leaves figures that name nobody, and nothing that comes for it later counts', async () => {
    const sale = order(1);
    await rig.conversations(broadcast(2, 'b', { messageId: 'wamid.secret' }));
    await rig.admitted(sale);
    await attributed(sale, { conversion: true });
    await rig.contactsChanged({
      ...{ id: uuidv7(), organizationId: organization.id, contactId, change: 'erased', atMs: Date.now() },
    });
    await eventually(async () => {
      const { rows } = await rig.database.query<{ count: number }>({
        text: `SELECT count(*) FROM (SELECT contact_id FROM timeline.conversation UNION ALL SELECT contact_id FROM timeline.order_fact) AS fact WHERE contact_id = $1`,
        values: [contactId],
      });
      return rows[0]!.count === 0;
    });
    await rig.conversations(
      broadcast(1, 'too late'),
      broadcast(2, 'b', { messageId: 'wamid.secret', status: 'read' }),
    );
    await rig.admitted(order(0.5));
    const somebody = await rig.contact(organization);
    const last = order(0.2, { contactId: somebody });
    await rig.admitted(last);
    await rig.conversations(broadcast(1, 'b', { contactId: somebody }));
    await attributed(last, { conversion: true });
    expect((await report('broadcasts')).campaigns).toMatchObject([
      { id: 'b', conversations: 2, conversions: 2, read: 0, revenue: [{ amount: '99.80' }] },
    ]);
    expect((await report('broadcasts')).campaigns).toHaveLength(1);
  });
});

describe('a contact that was merged and erased', () => {
  it.each<[string, (merge: ContactFact, erase: ContactFact) => ContactFact[][]]>([
    ['at once', (merge, erase) => [[merge, erase]]],
    ['with the erasure heard of first', (merge, erase) => [[erase], [merge]]],
  ])('%s is in no fact any more', async (_, batches) => {
    const into = await rig.contact(organization);
    const sale = order(1);
    await rig.conversations(broadcast(2, 'b'), broadcast(2, 'b', { contactId: into }));
    await rig.admitted(sale);
    await attributed(sale, { conversion: true });
    await eventually(async () => (await report('broadcasts')).totals.conversations === 2);
    const about = { organizationId: organization.id, atMs: NOW };
    const writer = contactFactWriter(rig.database, rig.editionBook());
    const facts = batches(
      { ...about, id: uuidv7(), contactId, change: 'merged', into },
      { ...about, id: uuidv7(), contactId: into, change: 'erased' },
    );
    for (const some of facts) await writer.commit({ topic: CONTACTS, partition: 0 }, some);
    const { rows } = await rig.database.query({
      text: `SELECT * FROM (SELECT contact_id FROM timeline.conversation UNION ALL SELECT contact_id FROM timeline.order_fact) AS fact WHERE contact_id = ANY($1::uuid[])`,
      values: [[contactId, into]],
    });
    expect(rows).toEqual([]);
    expect((await report('broadcasts')).totals).toMatchObject({ conversations: 2, conversions: 1 });
  });
});

describe('what cannot be put down', () => {
  it('goes to the dead letters with its reason, and the rest is put down', async () => {
    const bad = broadcast(1, 'x'.repeat(300));
    const good = broadcast(1, 'fine');
    await rig.conversations(bad, good);
    await eventually(async () => (await report('broadcasts')).totals.sent === 1);
    expect(await rig.deadLetter('conversations.touched.v1', bad.id)).toMatchObject({
      'dlq-reason': 'undecodable',
    });
  });
});
