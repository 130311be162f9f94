import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  clientNamedEventId,
  type ExecutionProgress,
  type Receipt,
  type RefusedEvent,
} from '@trackline/contracts';
import type { Organization } from '@trackline/directory';
import { uuidv7 } from '@trackline/kernel';
import { eventually, uniqueName, type Answer, type Call } from '@trackline/testkit';
import type { RunningTimeline } from '../../src/start-timeline.ts';
import { anEvent, TimelineRig } from './timeline-rig.ts';

let rig: TimelineRig;
let timeline: RunningTimeline;
let organization: Organization;
let call: Call;
let contactId: string;

beforeAll(async () => {
  rig = await TimelineRig.open();
  timeline = await rig.start();
}, 30_000);

beforeEach(async () => {
  ({ organization, call } = await rig.organization(timeline));
  contactId = await rig.contact(organization);
});

afterAll(() => rig.close(), 20_000);

const at = () => ({ organizationId: organization.id, contactId });
const aRefusal = (more: Pick<RefusedEvent, 'refusal'> & Partial<RefusedEvent>): RefusedEvent => ({
  ...anEvent({ ...at(), ...more }),
  ...more,
});
const receiptOf = (eventId: string, isThere = (_receipt: Receipt) => true) =>
  eventually(async () => {
    const { status, json } = await call('GET', `/v1/events/${eventId}`);
    return status === 200 && isThere(json) && json;
  });
const anEffect = (eventId: string, more: Partial<ExecutionProgress>): ExecutionProgress => ({
  ...at(),
  id: uuidv7(),
  executionId: uuidv7(),
  workflowId: uuidv7(),
  workflowVersion: 1,
  effect: 'started',
  eventId,
  status: 'active',
  atMs: Date.now(),
  ...more,
});

describe('a receipt', () => {
  it('is not there before the event is judged: 404, come again in a second', async () => {
    for (const id of [uuidv7(), clientNamedEventId(organization.id, '/x', '1'), 'no-id-of-ours']) {
      const answer = await call('GET', `/v1/events/${id}`);
      expect(answer.status).toBe(404);
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(answer.json).toMatchObject({ success: false, code: 'NOT_FOUND', error: expect.any(String) });
    }
    expect((await call('GET', '/v1/events/%00')).status).toBe(404);
  });

  it('of a duplicate names the first', async () => {
    const first = anEvent({ ...at(), uniqueId: 'u-1' });
    const second = aRefusal({
      uniqueId: 'u-1',
      refusal: { verdict: 'duplicate', duplicateOf: first.eventId },
    });
    await rig.admitted(first);
    await rig.refused(second);
    expect(await receiptOf(second.eventId)).toMatchObject({
      id: second.eventId,
      contactId,
      uniqueId: 'u-1',
      verdict: 'duplicate',
      duplicateOf: first.eventId,
      workflowsTriggered: 0,
      executions: [],
    });
    const page = await call('GET', `/v1/contacts/${contactId}/events`);
    expect(page.json.items.map((item: { id: string }) => item.id)).not.toContain(second.eventId);
  });

  it('of an event past the cap says so, until the event is sent again and admitted, in whatever order that is heard of', async () => {
    const source = `/organizations/${organization.id}/shop`;
    for (const admittedFirst of [false, true]) {
      const clientId = uniqueName('order');
      const eventId = clientNamedEventId(organization.id, source, clientId);
      const refusal = aRefusal({ eventId, source, clientId, refusal: { verdict: 'over_limit' } });
      const admission = anEvent({ ...at(), eventId, source, clientId });
      if (admittedFirst) {
        await rig.admitted(admission);
        await receiptOf(eventId, ({ verdict }) => verdict === 'admitted');
        await rig.refused(refusal);
        await eventually(async () => (await rig.count('refusal')) >= 3);
      } else {
        await rig.refused(refusal);
        expect(await receiptOf(eventId)).toMatchObject({ verdict: 'over_limit', sourceId: clientId });
        await rig.admitted(admission);
      }
      const receipt = await receiptOf(eventId, ({ verdict }) => verdict === 'admitted');
      const list = await call(
        'GET',
        `/v1/events?source=${encodeURIComponent(source)}&sourceId=${encodeURIComponent(clientId)}`,
      );
      expect(list.json).toEqual({ items: [receipt], nextCursor: null });
      const all = await call('GET', `/v1/events?source=${encodeURIComponent(source)}`);
      const mine = all.json.items.filter((item: { id: string }) => item.id === eventId);
      expect(mine).toEqual([receipt]);
    }
  });

  it('tells what the event did, each effect once', async () => {
    const event = anEvent(at());
    const started = anEffect(event.eventId, { effect: 'started' });
    const resumed = anEffect(event.eventId, { effect: 'resumed', atMs: Date.now() + 1 });
    const refused = anEffect(event.eventId, {
      effect: 'refused',
      reason: 'contact_cooldown',
      atMs: Date.now() + 2,
    });
    const ended = anEffect(event.eventId, { effect: 'ended' });
    const timeout = anEffect(event.eventId, { effect: 'resumed' });
    const { eventId: _, ...ofNoEvent } = timeout;
    await rig.admitted(event);
    await rig.executions(started, resumed, ofNoEvent, started, ended);
    await rig.executions(resumed, refused);
    const receipt = await receiptOf(event.eventId, ({ executions }) => executions.length === 3);
    expect(receipt).toMatchObject({
      workflowsTriggered: 1,
      executionsResumed: 1,
      executions: [
        { id: started.executionId, workflowId: started.workflowId, effect: 'started' },
        { id: resumed.executionId, workflowId: resumed.workflowId, effect: 'resumed' },
        {
          id: refused.executionId,
          workflowId: refused.workflowId,
          effect: 'refused',
          reason: 'contact_cooldown',
        },
      ],
    });
  });

  it('of an event that occurred long before it was received is found all the same', async () => {
    const months = [1, 7, 13, 23];
    const events = months.map((count) =>
      anEvent({ ...at(), occurredAtMs: Date.now() - count * 30 * 86_400_000 }),
    );
    const named = anEvent({
      ...at(),
      eventId: clientNamedEventId(organization.id, '/x', 'old'),
      source: '/x',
      clientId: 'old',
      occurredAtMs: Date.now() - 400 * 86_400_000,
    });
    await rig.admitted(...events, named);
    for (const event of [...events, named]) {
      expect(await receiptOf(event.eventId)).toMatchObject({ verdict: 'admitted' });
    }
  });

  it('is for its organisation alone', async () => {
    const event = anEvent(at());
    const refusal = aRefusal({ refusal: { verdict: 'over_limit' } });
    await rig.admitted(event);
    await rig.refused(refusal);
    await receiptOf(event.eventId);
    await receiptOf(refusal.eventId);
    const { call: stranger } = await rig.organization(timeline);
    for (const { eventId } of [event, refusal]) {
      expect((await stranger('GET', `/v1/events/${eventId}`)).status).toBe(404);
    }
    expect((await stranger('GET', `/v1/contacts/${contactId}/events`)).status).toBe(404);
    expect((await stranger('GET', '/v1/events')).json).toEqual({ items: [], nextCursor: null });
  });
});

describe('the list of receipts', () => {
  const startMs = Date.now() - 3_600_000;

  it('holds admitted and refused ones in one order, and pages through both', async () => {
    const admitted = Array.from({ length: 25 }, (_, i) =>
      anEvent({ ...at(), occurredAtMs: startMs + i * 2_000 }),
    );
    const refused = Array.from({ length: 25 }, (_, i) =>
      aRefusal({ occurredAtMs: startMs + i * 2_000 + 1_000, refusal: { verdict: 'over_limit' } }),
    );
    await rig.admitted(...admitted);
    await rig.refused(...refused);
    await receiptOf(admitted.at(-1)!.eventId);
    await receiptOf(refused.at(-1)!.eventId);
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { json }: Answer<{ items: Receipt[]; nextCursor: string | null }> = await call(
        'GET',
        `/v1/events?limit=7${cursor && `&cursor=${cursor}`}`,
      );
      seen.push(...json.items.map((item) => item.id));
      cursor = json.nextCursor;
    }
    const wanted = [...admitted, ...refused].sort((a, b) => b.occurredAtMs - a.occurredAtMs);
    expect(seen).toEqual(wanted.map((event) => event.eventId));
  });

  it('filters by name, source and time', async () => {
    const shop = `/organizations/${organization.id}/shop`;
    const a = anEvent({ ...at(), name: 'a', occurredAtMs: startMs });
    const b = anEvent({ ...at(), name: 'b', source: shop, occurredAtMs: startMs + 60_000 });
    const c = anEvent({ ...at(), name: 'a', source: shop, occurredAtMs: startMs + 120_000 });
    await rig.admitted(a, b, c);
    await receiptOf(c.eventId);
    const list = async (query: string) =>
      (await call('GET', `/v1/events?${query}`)).json.items.map((item: { id: string }) => item.id);
    const iso = (ms: number) => new Date(ms).toISOString();
    expect(await list('name=a')).toEqual([c.eventId, a.eventId]);
    expect(await list(`source=${encodeURIComponent(shop)}`)).toEqual([c.eventId, b.eventId]);
    expect(await list(`source=${encodeURIComponent(shop)}&name=b`)).toEqual([b.eventId]);
    // From is inside, to is not.
    expect(await list(`from=${iso(startMs)}&to=${iso(startMs + 60_000)}`)).toEqual([a.eventId]);
    expect(await list(`from=${iso(startMs + 60_000)}`)).toEqual([c.eventId, b.eventId]);
    expect(await list('to=2020-01-01')).toEqual([]);
    expect(await list('name=nothing')).toEqual([]);
  });

  it('finds a rare name behind any number of others, page by page, without looking at too many at once', async () => {
    const rare = anEvent({ ...at(), name: 'rare', occurredAtMs: startMs - 86_400_000 });
    await rig.admitted(rare);
    await receiptOf(rare.eventId);
    await rig.database.query({
      text: `INSERT INTO timeline.event (occurred_at, received_at, id, organization_id, contact_id, backfill, name, source, properties)
             SELECT to_timestamp($1 + n), now(), gen_random_uuid(), $2, $3, false, 'common', '/x', '{}' FROM generate_series(1, 45000) AS n`,
      values: [Math.floor(startMs / 1000) - 50_000, organization.id, contactId],
    });
    const pages: number[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { json }: Answer<{ items: Receipt[]; nextCursor: string | null }> = await call(
        'GET',
        `/v1/events?name=rare${cursor && `&cursor=${cursor}`}`,
      );
      pages.push(json.items.length);
      cursor = json.nextCursor;
    }
    expect(pages.reduce((sum, items) => sum + items)).toBe(1);
    expect(pages.length).toBeGreaterThanOrEqual(3);
    expect(pages.length).toBeLessThanOrEqual(5);
  });

  it.each([
    ['sourceId=1', '/source'],
    ['cursor=tomorrow', '/cursor'],
    ['from=yesterday', '/from'],
    ['to=2026-02-31', '/to'],
    ['limit=many', '/limit'],
  ])('refuses %s and says where', async (query, path) => {
    const { status, json } = await call('GET', `/v1/events?${query}`);
    expect({ status, code: json.code, path: json.details[0].path }).toEqual({
      status: 422,
      code: 'VALIDATION_FAILED',
      path,
    });
  });
});
