import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { isUuid } from '@trackline/kernel';
import { eventually, uniqueName } from '@trackline/testkit';
import { startHarness, type Harness, type Organization } from './harness.ts';

let door: Harness;
let org: Organization;
beforeAll(async () => {
  door = await startHarness({ ANSWER_DEADLINE_MS: '700' });
  org = await door.organization();
}, 60_000);
afterAll(() => door?.stop(), 60_000);
beforeEach(() => {
  door.backstage.decide = () => 'by the rules';
  door.backstage.cap = Number.POSITIVE_INFINITY;
});

const METER = ['x-event-limit', 'x-event-current', 'x-event-remaining', 'x-event-percent'];
const email = () => `${uniqueName('ada')}@example.com`;
const newContact = async (fields: object = {}) => {
  const made = await org.post('/v1/contacts', { email: email(), ...fields });
  expect(made.status).toBe(201);
  return made.json as { id: string; email: string };
};

describe('POST /v1/events', () => {
  it('answers what the event did, and nothing else', async () => {
    door.backstage.decide = () => ({ workflowsTriggered: 2, executionsResumed: 1 });
    const answer = await org.post('/v1/events', { name: 'signed_up', contactId: (await newContact()).id });
    expect([answer.status, answer.json]).toEqual([
      200,
      {
        success: true,
        contactCreated: false,
        workflowsTriggered: 2,
        executionsResumed: 1,
        eventId: expect.any(String),
      },
    ]);
    expect(isUuid(answer.json.eventId)).toBe(true);
    expect(answer.headers.get('x-request-id')).toBeTruthy();
  });

  it('hands on all that is known of the event, under the id that it answers', async () => {
    const contact = await newContact();
    const name = uniqueName('order');
    const occurredAt = new Date(Date.now() - 3_600_000).toISOString();
    const properties = { total: 49.9, nested: { deep: ['ü', '😀', null] } };
    const answer = await org.post(
      '/v1/events/',
      {
        name,
        contactId: contact.id,
        properties,
        uniqueId: 'u-1',
        occurredAt,
        backfill: true,
        unknownField: 1,
      },
      { headers: { 'x-request-id': 'req-7' } },
    );
    expect(answer.status).toBe(200);
    const [event] = door.backstage.of(name);
    expect(event).toMatchObject({
      eventId: answer.json.eventId,
      organizationId: org.id,
      contactId: contact.id,
      source: `/organizations/${org.id}/http`,
      uniqueId: 'u-1',
      occurredAtMs: Date.parse(occurredAt),
      backfill: true,
      requestId: 'req-7',
    });
    expect(event).not.toHaveProperty('clientId');
    expect(JSON.parse(event!.properties.toString())).toEqual(properties);
  });

  it('finds the contact by contactId, else contactExternalId, else contactEmail in any case', async () => {
    const one = await newContact({ externalId: uniqueName('one') });
    const two = await newContact({ externalId: uniqueName('two') });
    const name = uniqueName('ranked');
    const track = (fields: object) => org.post('/v1/events', { name, ...fields });
    expect((await track({ contactId: one.id, contactEmail: two.email })).status).toBe(200);
    const { externalId } = (await org.get(`/v1/contacts/${two.id}`)).json;
    expect((await track({ contactExternalId: externalId, contactEmail: one.email })).status).toBe(200);
    expect((await track({ contactEmail: `  ${one.email.toUpperCase()} ` })).status).toBe(200);
    expect(door.backstage.of(name).map(({ contactId }) => contactId)).toEqual([one.id, two.id, one.id]);
  });

  it.each([
    ['none is given', {}],
    ['the id is no id of ours', { contactId: 'nobody' }],
    ['the id does not exist', { contactId: '019a0000-0000-7000-8000-000000000000' }],
    ['the external id does not exist', { contactExternalId: 'nobody' }],
    ['the email does not exist', { contactEmail: 'nobody@example.com' }],
    ['what is given is empty', { contactId: '', contactEmail: '' }],
    ['the id has a NUL', { contactId: 'a\0' }],
    ['the id has half a surrogate pair', { contactExternalId: '\ud800' }],
    ['the id is endless', { contactExternalId: 'x'.repeat(100_000) }],
    ['createIfMissing comes with another identifier', { contactExternalId: 'nobody', createIfMissing: true }],
    ['createIfMissing comes alone', { createIfMissing: true }],
  ])('is 400 "Contact not found" when %s', async (_, fields) => {
    const answer = await org.post('/v1/events', { name: 'x', ...fields });
    expect([answer.status, answer.json]).toEqual([
      400,
      {
        success: false,
        error: 'Contact not found',
        code: 'CONTACT_NOT_FOUND',
        requestId: expect.any(String),
      },
    ]);
  });

  it('does not find the contact of another organisation', async () => {
    const other = await door.organization();
    const { id } = await newContact();
    expect((await other.post('/v1/events', { name: 'x', contactId: id })).status).toBe(400);
  });

  it('creates a missing contact with its first name, once', async () => {
    const contactEmail = email();
    const track = () =>
      org.post('/v1/events', { name: 'hello', contactEmail, contactName: 'Grace', createIfMissing: true });
    expect((await track()).json).toMatchObject({ contactCreated: true });
    expect((await track()).json).toMatchObject({ contactCreated: false });
    const found = await org.get(`/v1/contacts/${encodeURIComponent(contactEmail)}`);
    expect(found.json).toMatchObject({ email: contactEmail, firstName: 'Grace' });
  });

  it('raced by 50 requests creates one contact and says so once', async () => {
    const contactEmail = email();
    const name = uniqueName('raced');
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        org.post('/v1/events', {
          name,
          contactEmail: at % 2 ? contactEmail : contactEmail.toUpperCase(),
          createIfMissing: true,
        }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(answers.filter(({ json }) => json.contactCreated)).toHaveLength(1);
    expect(new Set(door.backstage.of(name).map(({ contactId }) => contactId)).size).toBe(1);
  });

  it.each([
    ['/name', {}, { name: undefined }],
    ['/name', {}, { name: '' }],
    ['/name', {}, { name: 'x'.repeat(256) }],
    ['/name', {}, { name: 'a\0' }],
    ['/name', {}, { name: 7 }],
    ['/properties', {}, { properties: [] }],
    ['/properties', {}, { properties: 'a' }],
    ['/properties', {}, { properties: null }],
    ['/uniqueId', {}, { uniqueId: '' }],
    ['/uniqueId', {}, { uniqueId: 7 }],
    ['/occurredAt', {}, { occurredAt: 'yesterday' }],
    ['/occurredAt', {}, { occurredAt: new Date(Date.now() + 6 * 60_000).toISOString() }],
    ['/occurredAt', {}, { occurredAt: '2001-01-01T00:00:00Z' }],
    ['/backfill', {}, { backfill: 'yes' }],
    ['/contactEmail', { createIfMissing: true }, { contactId: undefined, contactEmail: 'no address' }],
    ['/contactId', {}, { contactId: 7 }],
  ])('is 422 when %s is wrong', async (path, more, wrong) => {
    const answer = await org.post('/v1/events', { name: 'x', contactId: 'c', ...more, ...wrong });
    expect(answer.status).toBe(422);
    expect(answer.json).toMatchObject({ success: false, code: 'VALIDATION_FAILED', details: [{ path }] });
    expect(answer.json.error).toContain(path);
  });

  it('is 409 with the first event’s id at the second use of a uniqueId', async () => {
    const { id } = await newContact();
    const track = () => org.post('/v1/events', { name: 'order', contactId: id, uniqueId: 'A-1' });
    const first = await track();
    const second = await track();
    expect([second.status, second.json]).toEqual([
      409,
      {
        success: false,
        error: 'Event already exists',
        code: 'DUPLICATE_EVENT',
        eventId: first.json.eventId,
        requestId: second.headers.get('x-request-id'),
      },
    ]);
    expect(METER.every((header) => second.headers.has(header))).toBe(true);
  });

  it('tells the usage after the event, of a limited and of an unlimited plan', async () => {
    door.backstage.decide = () => ({ monthUsed: 40_001 });
    const starter = await door.organization({ plan: 'starter' });
    const track = (who: Organization) =>
      who.post('/v1/events', { name: 'x', contactEmail: email(), createIfMissing: true });
    const limited = await track(starter);
    expect(METER.map((header) => limited.headers.get(header))).toEqual(['50000', '40001', '9999', '80']);
    const unlimited = await track(org);
    expect(METER.map((header) => unlimited.headers.get(header))).toEqual(['-1', '40001', '-1', '0']);
  });

  it('past the cap is 429 with every field and header', async () => {
    door.backstage.decide = () => ({ verdict: 'over_limit', monthUsed: 12 });
    const custom = await door.organization({ plan: 'custom', monthlyLimit: 10 });
    const answer = await custom.post('/v1/events', {
      name: 'x',
      contactEmail: email(),
      createIfMissing: true,
    });
    const now = new Date();
    const reset = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1));
    expect([answer.status, answer.json]).toEqual([
      429,
      {
        success: false,
        error: 'event_limit_exceeded',
        code: 'EVENT_LIMIT_EXCEEDED',
        message: expect.any(String),
        requestId: expect.any(String),
        upgradeUrl: door.config.upgradeUrl,
        current: 12,
        limit: 10,
        hardCap: 12,
        requested: 1,
        percentUsed: 120,
        resetsAt: reset.toISOString(),
      },
    ]);
    expect(METER.map((header) => answer.headers.get(header))).toEqual(['10', '12', '0', '120']);
    expect(answer.headers.get('x-event-exceeded')).toBe('true');
    const retryAfter = Number(answer.headers.get('retry-after'));
    expect(Math.abs(retryAfter - (reset.getTime() - Date.now()) / 1000)).toBeLessThan(5);
  });

  it('is 202 past the deadline, with the id under which the broker has it', async () => {
    door.backstage.decide = () => undefined;
    const name = uniqueName('late');
    const startedAt = Date.now();
    const answer = await org.post('/v1/events', { name, contactEmail: email(), createIfMissing: true });
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(690);
    expect([answer.status, answer.json]).toEqual([
      202,
      {
        success: true,
        status: 'accepted',
        contactCreated: true,
        workflowsTriggered: 0,
        executionsResumed: 0,
        eventId: expect.any(String),
      },
    ]);
    expect(door.backstage.of(name)[0]?.eventId).toBe(answer.json.eventId);
  });

  it('is 202 for a resend whose first judgement has not taken effect', async () => {
    door.backstage.decide = () => ({ verdict: 'accepted' });
    const answer = await org.post('/v1/events', { name: 'x', contactId: (await newContact()).id });
    expect([answer.status, answer.json.status]).toEqual([202, 'accepted']);
  });

  it('is 202 at once with Prefer: respond-async, and asks nobody for the outcome', async () => {
    const name = uniqueName('async');
    const { id } = await newContact();
    const startedAt = Date.now();
    const answer = await org.post(
      '/v1/events',
      { name, contactId: id },
      { headers: { prefer: 'return=minimal, respond-async' } },
    );
    expect(Date.now() - startedAt).toBeLessThan(500);
    expect([answer.status, answer.json.status, answer.headers.get('preference-applied')]).toEqual([
      202,
      'accepted',
      'respond-async',
    ]);
    const event = await eventually(() => door.backstage.of(name)[0]);
    expect(event.eventId).toBe(answer.json.eventId);
    expect(event).not.toHaveProperty('replyTo');
  });

  it('keeps the order of a contact’s events', async () => {
    const { id } = await newContact();
    const name = uniqueName('ordered');
    for (let at = 0; at < 20; at += 1)
      await org.post('/v1/events', { name, contactId: id, properties: { at } });
    const seen = door.backstage.of(name).map(({ properties }) => JSON.parse(properties.toString()).at);
    expect(seen).toEqual(Array.from({ length: 20 }, (_, at) => at));
  });

  it('needs a key that may write events', async () => {
    const readOnly = await door.call('POST', `/v1/admin/organizations/${org.id}/keys`, {
      key: door.config.adminToken,
      body: { name: 'reader', scopes: ['read'] },
    });
    const send = (key?: string) =>
      door.call('POST', '/v1/events', { ...(key && { key }), body: { name: 'x' } });
    expect([
      (await send()).status,
      (await send('tl_live_nonsense')).status,
      (await send(readOnly.json.key)).status,
    ]).toEqual([401, 401, 403]);
    for (const answer of [await send(), await send(readOnly.json.key)]) {
      expect(answer.json).toMatchObject({
        success: false,
        error: expect.any(String),
        requestId: expect.any(String),
      });
    }
  });
});
