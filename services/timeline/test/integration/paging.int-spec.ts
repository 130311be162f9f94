import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Organization } from '@trackline/directory';
import { eventually, type Call } from '@trackline/testkit';
import type { Queryable } from '@trackline/postgres';
import { contactReader } from '../../src/adapters/postgres/contact-facts.ts';
import { eventReader } from '../../src/adapters/postgres/event-reader.ts';
import { placeBefore } from '../../src/domain/page-cursor.ts';
import { readableTime } from '../../src/domain/read-request.ts';
import { readTimeline } from '../../src/pipeline/read-timeline.ts';
import type { RunningTimeline } from '../../src/start-timeline.ts';
import { anEvent, TimelineRig } from './timeline-rig.ts';

let rig: TimelineRig;
let timeline: RunningTimeline;
let organization: Organization;
let call: Call;

beforeAll(async () => {
  rig = await TimelineRig.open();
  timeline = await rig.start();
  ({ organization, call } = await rig.organization(timeline));
}, 30_000);

afterAll(() => rig.close(), 20_000);

interface Item {
  readonly id: string;
  readonly occurredAt: string;
}

const page = async (
  contactId: string,
  query: string,
): Promise<{ items: Item[]; nextCursor: string | null }> => {
  const { status, json } = await call('GET', `/v1/contacts/${contactId}/events?${query}`);
  expect(status).toBe(200);
  return json;
};

const DAY_MS = 86_400_000;

describe('paging through a timeline', () => {
  it('shows what was there once and in order, while events arrive before, between and after', async () => {
    const contactId = await rig.contact(organization);
    const at = { organizationId: organization.id, contactId };
    // Two years, with many at the same moment: the id decides between those.
    const nowMs = Date.now();
    const moment = (i: number) => nowMs - 1_000 - Math.floor(i / 4) * 3 * DAY_MS;
    const there = Array.from({ length: 500 }, (_, i) => anEvent({ ...at, occurredAtMs: moment(i) }));
    await rig.admitted(...there);
    await eventually(async () => (await rig.count('event')) >= 500, { everyMs: 20 });
    let arriving = true;
    const arrivals = (async () => {
      for (let round = 0; arriving && round < 100; round += 1) {
        await rig.admitted(
          ...Array.from({ length: 10 }, (_, i) => anEvent({ ...at, occurredAtMs: moment(i * 50) + (i % 2) })),
        );
      }
    })();
    const seen: Item[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { items, nextCursor }: Awaited<ReturnType<typeof page>> = await page(
        contactId,
        `limit=37${cursor && `&cursor=${cursor}`}`,
      );
      seen.push(...items);
      cursor = nextCursor;
    }
    arriving = false;
    await arrivals;
    const ids = seen.map((item) => item.id);
    expect(new Set(ids).size).toBe(ids.length);
    const missing = there.filter((event) => !ids.includes(event.eventId));
    expect(missing).toEqual([]);
    const inOrder = [...seen].sort((a, b) =>
      a.occurredAt === b.occurredAt ? (a.id < b.id ? 1 : -1) : a.occurredAt < b.occurredAt ? 1 : -1,
    );
    expect(ids).toEqual(inOrder.map((item) => item.id));
  }, 30_000);

  it('looks at the youngest months only when they fill the page, at older ones when they do not', async () => {
    const contactId = await rig.contact(organization);
    const at = { organizationId: organization.id, contactId };
    const recent = Array.from({ length: 20 }, () => anEvent(at));
    const old = anEvent({ ...at, occurredAtMs: Date.now() - 700 * DAY_MS });
    await rig.admitted(...recent, old);
    await eventually(async () => (await page(contactId, '')).items.length === 21);
    const plans: string[] = [];
    const explaining: Queryable = {
      async query(statement) {
        const { rows } = await rig.database.query<{ 'QUERY PLAN': string }>({
          ...statement,
          text: `EXPLAIN ${statement.text}`,
        });
        plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
        return rig.database.query(statement);
      },
    };
    const read = readTimeline({
      contacts: contactReader(rig.database),
      register: { has: async () => true },
      events: eventReader(explaining),
    });
    const nowMs = Date.now();
    const monthsRead = async (limit: number) => {
      plans.length = 0;
      const request = { ...readableTime(nowMs), place: placeBefore(nowMs + DAY_MS), limit };
      const found = await read(organization.id, contactId, request);
      const months = new Set(plans.flatMap((plan) => plan.match(/\bevent_\d{4}_\d{2}\b/g) ?? []));
      return { items: found!.items.length, months: months.size, statements: plans.length };
    };
    // The newest month of all, and with it, on the last day of a month, the one before.
    const short = await monthsRead(10);
    expect(short.items).toBe(10);
    expect(short.months).toBeLessThanOrEqual(3);
    const long = await monthsRead(100);
    expect(long.items).toBe(21);
    expect(long.months).toBeGreaterThanOrEqual(25);
    expect(long.statements).toBeLessThanOrEqual(6);
    for (const plan of plans) expect(plan).not.toMatch(/Seq Scan on event/);
  });

  it('filters by name and time', async () => {
    const contactId = await rig.contact(organization);
    const at = { organizationId: organization.id, contactId };
    const nowMs = Date.now();
    const old = anEvent({ ...at, name: 'signed_up', occurredAtMs: nowMs - 300 * DAY_MS });
    const recent = anEvent({ ...at, name: 'page_viewed', occurredAtMs: nowMs - DAY_MS });
    await rig.admitted(old, recent);
    await eventually(async () => (await page(contactId, '')).items.length === 2);
    const ids = async (query: string) => (await page(contactId, query)).items.map((item) => item.id);
    expect(await ids('name=signed_up')).toEqual([old.eventId]);
    expect(await ids('name=signed_up&limit=1')).toEqual([old.eventId]);
    const day = new Date(nowMs - 200 * DAY_MS).toISOString().slice(0, 10);
    expect(await ids(`from=${day}`)).toEqual([recent.eventId]);
    expect(await ids(`to=${day}`)).toEqual([old.eventId]);
    expect((await call('GET', `/v1/contacts/${contactId}/events?cursor=bm8`)).status).toBe(422);
  });

  it('of a contact without events is empty, of no contact is 404', async () => {
    expect(await page(await rig.contact(organization), '')).toEqual({ items: [], nextCursor: null });
    for (const id of ['0197f0e0-0000-7000-8000-000000000000', 'someone@example.com']) {
      expect((await call('GET', `/v1/contacts/${encodeURIComponent(id)}/events`)).status).toBe(404);
    }
  });
});
