import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { TouchedConversation } from '@trackline/contracts';
import type { Organization } from '@trackline/directory';
import { eventually, type Call } from '@trackline/testkit';
import type { RunningTimeline } from '../../src/start-timeline.ts';
import { expectSumsToBeFacts } from './sums-against-facts.ts';
import { anOrder, aTouch, TimelineRig } from './timeline-rig.ts';

let rig: TimelineRig;
let timeline: RunningTimeline;
let organization: Organization;
let call: Call;

jest.setTimeout(30_000);

const HOUR_MS = 3_600_000;
const NOW = Date.now();
const ago = (hours: number): number => NOW - hours * HOUR_MS;
const SOON = { withinMs: 20_000 };

beforeAll(async () => {
  rig = await TimelineRig.open();
  timeline = await rig.start();
}, 180_000);

beforeEach(async () => {
  ({ organization, call } = await rig.organization(timeline));
});

afterEach(() => expectSumsToBeFacts(rig));

afterAll(() => rig.close(), 30_000);

/** A message of a broadcast, to a contact of its own unless it is said otherwise. */
const broadcast = async (
  hoursAgo: number,
  id: string,
  more: Partial<TouchedConversation> = {},
): Promise<TouchedConversation> =>
  aTouch({
    organizationId: organization.id,
    contactId: more.contactId ?? (await rig.contact(organization)),
    occurredAtMs: ago(hoursAgo),
    campaign: { type: 'broadcast', id, name: `The ${id}` },
    ...more,
  });

const report = async (name: string, query = '') => (await call('GET', `/v1/reports/${name}?${query}`)).json;
const idsOf = (items: readonly { id: string }[]): string[] => items.map(({ id }) => id);

describe('the list of campaigns', () => {
  it('comes in pages, each campaign by the name that it was given last', async () => {
    await rig.conversations(
      await broadcast(5, 'c'),
      await broadcast(4, 'a', { campaign: { type: 'broadcast', id: 'a', name: 'New' } }),
      await broadcast(6, 'a', { campaign: { type: 'broadcast', id: 'a', name: 'Old' } }),
      await broadcast(3, '', { campaign: { type: 'automation', id: 'flow' } }),
    );
    const names = async (query: string) => {
      const { json } = await call('GET', `/v1/campaigns?${query}`);
      return { next: json.nextCursor, names: json.items.map(({ name }: { name: string }) => name) };
    };
    await eventually(async () => (await names('')).names.length === 3, SOON);
    const first = await names('limit=2');
    expect(first.names).toEqual(['flow', 'New']);
    expect(await names(`limit=2&cursor=${first.next}`)).toEqual({ next: null, names: ['The c'] });
    expect((await names('type=automation')).names).toEqual(['flow']);
    expect((await call('GET', '/v1/campaigns?cursor=nonsense')).status).toBe(422);
  });
});

describe('the campaigns of a report', () => {
  it('come in pages, those that earned most first, and the totals are of all of them', async () => {
    const buyers = await Promise.all([1, 2, 3].map(() => rig.contact(organization)));
    const [one, two, three] = buyers as [string, string, string];
    await rig.conversations(
      ...(await Promise.all(['quiet', 'Quiet', 'busy', 'busy'].map((id) => broadcast(5, id)))),
      ...(await Promise.all([one, two].map((contactId) => broadcast(4, 'best', { contactId })))),
      await broadcast(4, 'good', { contactId: three }),
    );
    await rig.admitted(
      ...buyers.map((contactId) =>
        anOrder({ organizationId: organization.id, contactId, occurredAtMs: ago(1) }),
      ),
    );
    await eventually(async () => {
      const { totals } = await report('broadcasts');
      return totals.conversions === 3 && totals.conversations === 7;
    }, SOON);
    const pages = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: { campaigns: { id: string }[]; nextCursor: string | null } = await report(
        'broadcasts',
        `limit=2${cursor && `&cursor=${cursor}`}`,
      );
      expect(page).toMatchObject({ campaignCount: 5, totals: { conversions: 3, conversations: 7 } });
      pages.push(idsOf(page.campaigns));
      cursor = page.nextCursor;
    }
    expect(pages).toEqual([['best', 'good'], ['busy', 'Quiet'], ['quiet']]);
    const whole = await report('broadcasts');
    expect(whole.campaigns[0]).toMatchObject({
      name: 'The best',
      conversions: 2,
      revenue: [{ currency: 'EUR', amount: '99.80' }],
    });
    expect([idsOf(whole.campaigns), whole.nextCursor]).toEqual([pages.flat(), null]);
    expect((await call('GET', '/v1/reports/broadcasts?cursor=nonsense')).status).toBe(422);
  });

  it('are only those in which anything happened', async () => {
    const told = await broadcast(3, 'mistaken', { messageId: 'wamid.moved' });
    await rig.conversations(told);
    await eventually(async () => (await report('broadcasts')).campaignCount === 1, SOON);
    // Of two campaigns that a message was said to be of, the automation stands: the broadcast is left with nothing.
    await rig.conversations({ ...told, id: `${told.id}-2`, campaign: { type: 'automation', id: 'flow' } });
    await eventually(async () => (await report('automations')).campaignCount === 1, SOON);
    expect(await report('broadcasts')).toMatchObject({ campaigns: [], campaignCount: 0, nextCursor: null });
    expect(await report('broadcasts', 'to=2026-01-01')).toMatchObject({ campaigns: [] });
  });
});

describe('the tables of the reports', () => {
  const csv = async (query: string) => {
    const answer = await call('GET', `/v1/reports/${query}`);
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const [header, ...lines] = answer.text.replace('\uFEFF', '').trimEnd().split('\r\n');
    return { header, lines, name: answer.headers.get('content-disposition') };
  };

  it('have the figures of the report, by line, period and campaign, as a spreadsheet takes them for text and numbers', async () => {
    const contactId = await rig.contact(organization);
    const ad = { sourceId: '120210000000000123', headline: 'Cups', ctwaClid: 'clid-1' };
    await rig.conversations(
      await broadcast(2, '=cmd', {
        contactId,
        campaign: { type: 'broadcast', id: '=cmd', name: 'a "b", c' },
      }),
      aTouch({ organizationId: organization.id, contactId, occurredAtMs: ago(4), referral: ad }),
    );
    const about = { organizationId: organization.id, contactId, occurredAtMs: ago(1) };
    await rig.admitted(
      anOrder(about),
      anOrder({ ...about, properties: '{"value":1234567890123456.705,"currency":"KWD"}' }),
      anOrder({
        ...about,
        name: 'whatsapp.purchase',
        properties: '{"ctwa_clid":"clid-1","value":"25.00","currency":"USD"}',
      }),
    );
    await eventually(async () => (await report('ads')).totals.metaPurchases === 1, SOON);
    await eventually(async () => (await report('broadcasts')).totals.conversions === 2, SOON);
    const [from, to] = [ago(24), NOW].map((ms) => new Date(ms).toISOString().slice(0, 10));
    const range = `format=csv&groupBy=month&from=${from}&to=${to}`;
    const counts = 'sent,delivered,read,conversations,orders,conversions,conversionRate';
    const lines = await csv(`broadcasts?${range}`);
    expect(lines.name).toBe(`attachment; filename="broadcasts-${from}-${to}.csv"`);
    expect(lines.header).toBe(`period,type,id,name,${counts},revenue_EUR,revenue_KWD`);
    expect(lines.lines.join('\n')).toMatch(
      /^\d{4}-\d\d,broadcast,'=cmd,"a ""b"", c",1,0,0,1,2,2,2,49\.90,1234567890123456\.705$/m,
    );
    const campaigns = await csv(`ads?${range}&table=campaigns`);
    expect(campaigns.name).toContain(`ads-campaigns-${from}`);
    expect(campaigns).toMatchObject({
      header: `type,id,name,${counts},metaLeads,metaPurchases,metaRevenue_USD`,
      lines: [`ad,'120210000000000123,Cups,1,0,0,1,0,0,0,0,1,25.00`],
    });
    const series = await csv(`automations?${range}&table=series`);
    expect(series.header).toBe(`period,${counts}`);
    expect(series.lines.at(-1)).toBe(`${to!.slice(0, 7)},0,0,0,0,0,0,0`);
    const sources = await csv(`performance?${range}&table=campaigns`);
    expect(sources.lines.map((line) => line.split(',').slice(0, 3).join())).toEqual([
      'broadcast,broadcast,Broadcasts',
      'automation,automation,Automations',
      'ad,ad,Ads',
      'organic,organic,Organic',
    ]);
    expect((await csv(`performance?${range}&table=lines`)).lines.length).toBeGreaterThanOrEqual(2);
  });

  it('are not made of what is not asked for rightly, nor of another organisation', async () => {
    expect((await call('GET', '/v1/reports/performance?from=yesterday')).status).toBe(422);
    expect((await call('GET', '/v1/reports/ads?groupBy=year')).status).toBe(422);
    expect((await call('GET', '/v1/reports/ads?format=csv&table=rows')).status).toBe(422);
    await rig.conversations(await broadcast(2, 'ours'));
    await eventually(async () => (await report('broadcasts')).campaignCount === 1, SOON);
    const other = await rig.organization(timeline);
    expect((await other.call('GET', '/v1/reports/broadcasts')).json.campaigns).toEqual([]);
  });
});
