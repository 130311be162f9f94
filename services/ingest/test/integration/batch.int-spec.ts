import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { uniqueName } from '@trackline/testkit';
import { startHarness, type Harness, type Organization } from './harness.ts';

let door: Harness;
let org: Organization;
let contactId: string;
beforeAll(async () => {
  door = await startHarness({ ANSWER_DEADLINE_MS: '1500' });
  org = await door.organization({ plan: 'custom', monthlyLimit: 100_000 });
  contactId = (await org.post('/v1/contacts', { externalId: 'someone' })).json.id;
}, 60_000);
afterAll(() => door?.stop(), 60_000);
beforeEach(() => {
  door.backstage.decide = () => 'by the rules';
  door.backstage.cap = Number.POSITIVE_INFINITY;
});

const send = (events: unknown, options?: Parameters<Organization['post']>[2]) =>
  org.post('/v1/events/batch', { events }, options);

describe('POST /v1/events/batch', () => {
  it('judges item by item, in order: one bad item stops no other', async () => {
    door.backstage.decide = (event) =>
      event.name === 'starts'
        ? { workflowsTriggered: 2, executionsResumed: 1, monthUsed: 41 }
        : 'by the rules';
    const name = uniqueName('mixed');
    const answer = await send([
      { name: 'starts', contactId },
      { name },
      { name: 7, contactId },
      null,
      'text',
      { name, contactId: 'nobody' },
      { name, contactExternalId: 'someone', uniqueId: 'u1' },
      { name, contactId, uniqueId: 'u1' },
      { name, contactId, createIfMissing: true },
      { name, contactId, createIfMissing: false },
      { name, contactId, occurredAt: 'never' },
      { name, contactId, properties: { 'a\0': 1 } },
      { name, contactEmail: 'nobody@example.com' },
      { name, contactId, contactName: 'ignored', unknown: true },
    ]);
    expect(answer.status).toBe(200);
    const { results, errors, ...counts } = answer.json;
    expect(counts).toEqual({ success: false, processed: 3, workflowsTriggered: 2, executionsResumed: 1 });
    expect(
      results.map(({ index, status }: { index: number; status: string }) => `${index} ${status}`),
    ).toEqual([
      '0 admitted',
      '1 contact_not_found',
      '2 invalid',
      '3 invalid',
      '4 invalid',
      '5 contact_not_found',
      '6 admitted',
      '7 duplicate',
      '8 invalid',
      '9 invalid',
      '10 invalid',
      '11 invalid',
      '12 contact_not_found',
      '13 admitted',
    ]);
    expect(results[7].eventId).toBe(results[6].eventId);
    expect(errors).toHaveLength(11);
    expect(errors[0]).toBe('events[1]: Contact not found');
    expect(errors.every((error: string) => /^events\[\d+\]: /.test(error))).toBe(true);
    expect(results[8].error).toMatch(/createIfMissing/);
    expect(answer.headers.get('x-event-current')).toBe('41');
  });

  it('keeps the order of the items of a contact', async () => {
    const name = uniqueName('ordered');
    const events = Array.from({ length: 1_000 }, (_, at) => ({ name, contactId, properties: { at } }));
    const answer = await send(events);
    expect(answer.json).toMatchObject({ success: true, processed: 1_000, errors: [] });
    const seen = door.backstage.of(name).map(({ properties }) => JSON.parse(properties.toString()).at);
    expect(seen).toEqual(events.map((_, at) => at));
    expect(new Set(answer.json.results.map(({ eventId }: { eventId: string }) => eventId)).size).toBe(1_000);
  });

  it('of nothing is a success with zeros', async () => {
    const answer = await send([]);
    expect([answer.status, answer.json]).toEqual([
      200,
      { success: true, processed: 0, workflowsTriggered: 0, executionsResumed: 0, errors: [], results: [] },
    ]);
  });

  it.each([
    ['1,001 items', { events: Array(1_001).fill({ name: 'x' }) }],
    ['no list', {}],
    ['something else than a list', { events: { 0: {} } }],
    ['null', { events: null }],
    ['a list alone', []],
  ])('is 400 for %s', async (_, body) => {
    const answer = await org.post('/v1/events/batch', body);
    expect([answer.status, answer.json.code]).toEqual([400, 'MALFORMED_REQUEST']);
  });

  it('lets the cap refuse the items past it, and only those', async () => {
    const name = uniqueName('straddling');
    door.backstage.cap = door.backstage.used + 3;
    const answer = await send(Array.from({ length: 5 }, () => ({ name, contactId })));
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ success: false, processed: 3 });
    const statuses = answer.json.results.map(({ status }: { status: string }) => status);
    expect(statuses).toEqual(['admitted', 'admitted', 'admitted', 'over_limit', 'over_limit']);
    expect(answer.json.errors[0]).toMatch(/^events\[3\]: .*limit/);
  });

  it('is 429 only when the cap refused all of them', async () => {
    door.backstage.decide = () => ({ verdict: 'over_limit', monthUsed: 125_000 });
    const items = Array.from({ length: 3 }, () => ({ name: 'x', contactId }));
    const answer = await send(items);
    expect(answer.status).toBe(429);
    expect(answer.json).toMatchObject({
      success: false,
      error: 'event_limit_exceeded',
      requested: 3,
      current: 125_000,
      limit: 100_000,
      hardCap: 125_000,
      percentUsed: 125,
    });
    expect(answer.headers.get('x-event-exceeded')).toBe('true');
    expect((await send([...items, { name: 'x' }])).status).toBe(200);
  });

  it('tells what has a verdict at the deadline, and "accepted" of the rest', async () => {
    door.backstage.decide = (event) => (event.name === 'slow' ? undefined : 'by the rules');
    const answer = await send([
      { name: 'quick', contactId },
      { name: 'slow', contactId },
    ]);
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ success: true, processed: 2, errors: [] });
    expect(answer.json.results).toMatchObject([
      { status: 'admitted' },
      { status: 'accepted', eventId: expect.any(String) },
    ]);
  });

  it('waits for no verdict with Prefer: respond-async', async () => {
    const answer = await send([{ name: 'x', contactId }], { headers: { prefer: 'respond-async' } });
    expect([answer.status, answer.json.results[0].status]).toEqual([200, 'accepted']);
  });

  it('takes items as large as a single event may be, up to 5 MB in all', async () => {
    const properties = { text: 'x'.repeat(60_000) };
    const answer = await send(Array.from({ length: 80 }, () => ({ name: 'large', contactId, properties })));
    expect(answer.json).toMatchObject({ success: true, processed: 80 });
    const tooLarge = await send(Array.from({ length: 90 }, () => ({ name: 'large', contactId, properties })));
    expect([tooLarge.status, tooLarge.json.code]).toEqual([413, 'PAYLOAD_TOO_LARGE']);
  });
});
