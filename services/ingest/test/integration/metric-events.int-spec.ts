import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { uniqueName } from '@trackline/testkit';
import { startHarness, type Harness, type Organization } from './harness.ts';

let door: Harness;
let org: Organization;
beforeAll(async () => {
  door = await startHarness({ ANSWER_DEADLINE_MS: '3000' });
  org = await door.organization();
}, 60_000);
afterAll(() => door?.stop(), 60_000);
beforeEach(() => {
  door.backstage.decide = () => 'by the rules';
});

const send = (body: object, path = '/v1/metric-events', headers = {}) => org.post(path, body, { headers });

describe.each(['/v1/metric-events', '/v1/metric_events', '/v1/metric-events/'])('%s', (path) => {
  it('takes a metric event as Wax’s callers send it', async () => {
    const name = uniqueName('order');
    const answer = await send(
      { name, phone_number: '+33 6 12 34 56 78', unique_id: 'A-1', properties: { product_name: 'Cups' } },
      path,
    );
    expect([answer.status, answer.json]).toEqual([
      201,
      {
        id: expect.any(String),
        name,
        phone_number: '+33612345678',
        unique_id: 'A-1',
        created_at: expect.stringMatching(/^\d{4}-.*Z$/),
      },
    ]);
    expect(answer.headers.get('x-event-limit')).toBe('-1');
    const [event] = door.backstage.of(name);
    expect(event).toMatchObject({
      eventId: answer.json.id,
      uniqueId: 'A-1',
      properties: '{"product_name":"Cups"}',
    });
  });
});

describe('a metric event', () => {
  it.each([
    33687654321,
    '33687654321',
    '+33 6 87 65 43 21',
    '0033687654321',
    '+33-6-87-65-43-21',
    '+33 (6) 87.65.43.21',
  ])('is about one contact, its number written as %p', async (phone_number) => {
    const name = uniqueName('habit');
    expect((await send({ name, phone_number })).json).toMatchObject({
      phone_number: '+33687654321',
      unique_id: null,
    });
    const found = await org.get(`/v1/contacts?phone=${encodeURIComponent('+33687654321')}`);
    expect(found.json.items).toHaveLength(1);
    expect(door.backstage.of(name)[0]?.contactId).toBe(found.json.items[0].id);
  });

  it.each(['06 12 34 56 78', '0612345678', 'nobody', '', '12', 0, -33612345678, 1.5])(
    'is 422 with the number %p, and says what to do',
    async (phone_number) => {
      const answer = await send({ name: 'order', phone_number });
      expect([answer.status, answer.json.code, answer.json.details[0].path]).toEqual([
        422,
        'VALIDATION_FAILED',
        '/phone_number',
      ]);
      expect(answer.json.error).toContain('country');
    },
  );

  it.each([
    ['/phone_number', { phone_number: null }],
    ['/phone_number', { phone_number: undefined }],
    ['/name', { name: '' }],
    ['/value', { value: 'much' }],
    ['/currency', { currency: 'euros' }],
    ['/occurred_at', { occurred_at: '2001-01-01' }],
    ['/unique_id', { unique_id: '' }],
    ['/properties', { properties: [] }],
  ])('is 422 when %s is wrong', async (path, wrong) => {
    const answer = await send({ name: 'order', phone_number: '+33612345678', ...wrong });
    expect([answer.status, answer.json.details[0].path]).toEqual([422, path]);
  });

  it('is 409 per metric: the same unique_id on another one is accepted', async () => {
    const [one, other] = [uniqueName('order'), uniqueName('refund')];
    const body = { phone_number: '+33612345678', unique_id: 'A-7' };
    const first = await send({ name: one, ...body });
    expect((await send({ name: other, ...body })).status).toBe(201);
    const second = await send({ name: one, ...body });
    expect([second.status, second.json]).toEqual([
      409,
      {
        success: false,
        error: 'Event already exists',
        code: 'DUPLICATE_EVENT',
        event_id: first.json.id,
        requestId: second.headers.get('x-request-id'),
      },
    ]);
  });

  it('carries value and currency as properties', async () => {
    const name = uniqueName('order');
    await send({
      name,
      phone_number: '+33612345678',
      value: 49.9,
      currency: 'eur',
      properties: { value: 1 },
    });
    expect(JSON.parse(String(door.backstage.of(name)[0]!.properties))).toEqual({
      value: '49.9',
      currency: 'EUR',
    });
  });

  it('is 429 past the cap, and 202 past the deadline or with respond-async', async () => {
    const body = { name: 'order', phone_number: '+33612345678' };
    door.backstage.decide = () => ({ verdict: 'over_limit' });
    const refused = await send(body);
    expect([refused.status, refused.json.error, refused.headers.get('x-event-exceeded')]).toEqual([
      429,
      'event_limit_exceeded',
      'true',
    ]);
    door.backstage.decide = () => ({ verdict: 'accepted' });
    const later = await send(body);
    expect([later.status, later.json.status]).toEqual([202, 'accepted']);
    const async = await send(body, undefined, { prefer: 'respond-async' });
    expect([async.status, async.json.status]).toEqual([202, 'accepted']);
  });

  it('is remembered under its Idempotency-Key, whichever of the two addresses a retry takes', async () => {
    const headers = { 'idempotency-key': uniqueName('key') };
    const body = { name: uniqueName('order'), phone_number: '+33612345678' };
    const first = await send(body, '/v1/metric-events', headers);
    const retry = await send(body, '/v1/metric_events', headers);
    expect([retry.status, retry.json, retry.headers.get('idempotent-replayed')]).toEqual([
      201,
      first.json,
      'true',
    ]);
    expect(door.backstage.of(body.name)).toHaveLength(1);
  });

  it('raced by 20 requests creates one contact', async () => {
    const name = uniqueName('raced');
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        send({ name, phone_number: at % 2 ? '+4915123456789' : 4915123456789 }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(door.backstage.of(name).map(({ contactId }) => contactId)).size).toBe(1);
  });
});
