import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CONTACTS, decodeContactChange, type ContactChange } from '@trackline/contracts';
import { PinnedReader } from '@trackline/kafka';
import { eventually, uniqueName } from '@trackline/testkit';
import { startHarness, type Harness, type Organization } from './harness.ts';

let door: Harness;
let org: Organization;
let reader: PinnedReader;
const changes: ContactChange[] = [];
beforeAll(async () => {
  door = await startHarness();
  org = await door.organization();
  reader = new PinnedReader({
    connection: door.kafka,
    topic: CONTACTS,
    partitions: 'all',
    from: 'earliest',
    onBatch: ({ messages }) => void changes.push(...messages.map(decodeContactChange)),
  });
  await reader.start();
}, 60_000);
afterAll(async () => {
  await reader?.stop();
  await door?.stop();
}, 60_000);

const email = () => `${uniqueName('ada')}@example.com`;
const create = async (fields: object) => {
  const made = await org.post('/v1/contacts', fields);
  expect([made.status, made.text]).toEqual([201, expect.any(String)]);
  return made.json;
};
const patch = (path: string, body: unknown) => org.call('PATCH', path, { key: org.key, body });
const erase = (path: string) => org.call('DELETE', path, { key: org.key });
const at = (key: string) => `/v1/contacts/${encodeURIComponent(key)}`;

describe('POST /v1/contacts', () => {
  it('makes a contact in its normal form', async () => {
    const address = email();
    const contact = await create({
      email: ` ${address.toUpperCase()} `,
      phone: '+49 (151) 2345-6789',
      externalId: address,
      firstName: ' Ada ',
      lastName: 'Lovelace',
      properties: { plan: 'pro', nested: { a: [1] } },
    });
    expect(contact).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      email: address,
      phone: '+4915123456789',
      externalId: address,
      firstName: 'Ada',
      lastName: 'Lovelace',
      properties: { plan: 'pro', nested: { a: [1] } },
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: expect.stringMatching(/Z$/),
    });
  });

  it('takes a phone number as a number', async () => {
    expect((await create({ phone: 4915199999999 })).phone).toBe('+4915199999999');
  });

  it.each([
    ['none of the three identifiers', { firstName: 'Ada' }],
    ['no email', { email: 'ada' }],
    ['no phone number', { phone: '12' }],
    ['an external id of nothing', { externalId: '' }],
    ['an identifier that is null', { email: null }],
    ['a name that is no text', { email: 'a@b', firstName: 7 }],
    ['properties that are no object', { email: 'a@b', properties: [] }],
    [
      'properties too deep',
      { email: 'a@b', properties: JSON.parse('{"a":'.repeat(12) + '1' + '}'.repeat(12)) },
    ],
    ['properties too large', { email: 'a@b', properties: { a: 'x'.repeat(70_000) } }],
    ['a NUL', { email: 'a@b', lastName: 'a\0' }],
  ])('is 422 for %s', async (_, body) => {
    const answer = await org.post('/v1/contacts', body);
    expect([answer.status, answer.json.code]).toEqual([422, 'VALIDATION_FAILED']);
  });

  it('is 409 when another contact has an identifier', async () => {
    const first = await create({ email: email() });
    const answer = await org.post('/v1/contacts', { email: first.email.toUpperCase() });
    expect([answer.status, answer.json]).toMatchObject([409, { code: 'CONFLICT', contactId: first.id }]);
  });

  it('raced by twenty makes one', async () => {
    const externalId = uniqueName('raced');
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => org.post('/v1/contacts', { externalId })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(19).fill(409)]);
  });
});

describe('GET /v1/contacts', () => {
  it('finds one by id, email or external id', async () => {
    const contact = await create({ email: email(), externalId: `a/b ${uniqueName('x')}%` });
    for (const key of [contact.id, contact.email, contact.email.toUpperCase(), contact.externalId]) {
      expect((await org.get(at(key))).json).toEqual(contact);
    }
  });

  it.each([
    'nobody',
    'nobody@example.com',
    '019a0000-0000-7000-8000-000000000000',
    'x'.repeat(1_000),
    '%20',
    '~',
  ])('is 404 for %s', async (key) => {
    const answer = await org.get(at(key));
    expect([answer.status, answer.json.code]).toEqual([404, 'NOT_FOUND']);
  });

  it('keeps organisations apart', async () => {
    const contact = await create({ email: email() });
    const other = await door.organization();
    expect((await other.get(at(contact.id))).status).toBe(404);
    expect((await other.get(at(contact.email))).status).toBe(404);
    expect((await other.get('/v1/contacts')).json).toEqual({ items: [], nextCursor: null });
  });

  it('finds by email, phone and how something begins', async () => {
    const name = uniqueName('Zoe');
    const one = await create({ email: email(), phone: '+4915111111111', firstName: name });
    const find = async (query: string) =>
      (await org.get(`/v1/contacts?${query}`)).json.items.map(({ id }: { id: string }) => id);
    expect(await find(`email=${encodeURIComponent(one.email)}`)).toEqual([one.id]);
    expect(await find(`phone=${encodeURIComponent('+49 151 11111111')}`)).toEqual([one.id]);
    expect(await find(`q=${name.toLowerCase()}`)).toEqual([one.id]);
    expect(await find('email=nobody')).toEqual([]);
  });

  it('pages without showing anything twice', async () => {
    const org2 = await door.organization();
    const contacts = Array.from({ length: 7 }, (_, n) => ({ externalId: `c${n}` }));
    await org2.post('/v1/contacts/batch', { contacts });
    const seen: string[] = [];
    let cursor = '';
    do {
      const page = (await org2.get(`/v1/contacts?limit=3${cursor}`)).json;
      seen.push(...page.items.map(({ externalId }: { externalId: string }) => externalId));
      cursor = page.nextCursor === null ? '' : `&cursor=${encodeURIComponent(page.nextCursor)}`;
    } while (cursor);
    expect(seen.sort()).toEqual(contacts.map(({ externalId }) => externalId));
  });

  it.each(['limit=0', 'limit=-1', 'limit=x', 'limit=1e3', 'limit=2&limit=3', 'cursor=nonsense', 'q=a%00'])(
    'answers %s in 4xx or as a page',
    async (query) => {
      const answer = await org.get(`/v1/contacts?${query}`);
      expect([200, 400, 422]).toContain(answer.status);
    },
  );
});

describe('PATCH /v1/contacts/{contact}', () => {
  it('changes what is named, removes what is null, leaves the rest', async () => {
    const contact = await create({
      email: email(),
      firstName: 'Ada',
      lastName: 'L',
      properties: { a: 1, b: 2 },
    });
    const answer = await patch(at(contact.email), {
      firstName: null,
      externalId: uniqueName('x'),
      properties: { a: null, c: 3 },
    });
    expect(answer.json).toMatchObject({ id: contact.id, lastName: 'L', properties: { b: 2, c: 3 } });
    expect(answer.json).not.toHaveProperty('firstName');
    expect((await org.get(at(answer.json.externalId))).json).toEqual(answer.json);
  });

  it('is 404, 409 or 422 where it must be', async () => {
    const one = await create({ email: email() });
    const two = await create({ email: email() });
    expect((await patch(at('nobody'), {})).status).toBe(404);
    expect((await patch(at(one.id), { email: two.email })).status).toBe(409);
    expect((await patch(at(one.id), { email: null })).status).toBe(422);
    expect((await patch(at(one.id), { email: 7 })).status).toBe(422);
    expect((await patch(at(one.id), [])).status).toBe(422);
  });
});

describe('POST /v1/contacts/batch', () => {
  it('upserts item by item, in order', async () => {
    const known = await create({ email: email(), externalId: uniqueName('known') });
    const fresh = uniqueName('fresh');
    const answer = await org.post('/v1/contacts/batch', {
      contacts: [
        { externalId: known.externalId, firstName: 'New' },
        { externalId: fresh, email: email() },
        { externalId: fresh, lastName: 'Again' },
        { firstName: 'Nobody' },
        'text',
        { email: 7 },
        { externalId: fresh, email: known.email },
      ],
    });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ success: false, processed: 3 });
    const told = answer.json.results.map(
      ({ index, status }: { index: number; status: string }) => `${index} ${status}`,
    );
    expect(told).toEqual([
      '0 updated',
      '1 created',
      '2 updated',
      '3 invalid',
      '4 invalid',
      '5 invalid',
      '6 conflict',
    ]);
    expect(answer.json.results[2].id).toBe(answer.json.results[1].id);
    expect(answer.json.errors).toHaveLength(4);
    expect(answer.json.errors[0]).toMatch(/^contacts\[3\]: /);
    expect((await org.get(at(known.id))).json.firstName).toBe('New');
  });

  it('takes a thousand and not one more', async () => {
    const prefix = uniqueName('bulk');
    const contacts = Array.from({ length: 1_000 }, (_, n) => ({ externalId: `${prefix}-${n}` }));
    expect((await org.post('/v1/contacts/batch', { contacts })).json).toMatchObject({
      success: true,
      processed: 1_000,
    });
    expect((await org.post('/v1/contacts/batch', { contacts: [...contacts, {}] })).status).toBe(400);
    expect((await org.post('/v1/contacts/batch', { contacts: [] })).json).toMatchObject({
      success: true,
      processed: 0,
    });
  });
});

describe('merge and erase', () => {
  it('makes one contact an alias of the other, for events too', async () => {
    const one = await create({ email: email(), firstName: 'Ada' });
    const two = await create({ externalId: uniqueName('two'), firstName: 'Grace' });
    const merged = await org.post(`${at(one.id)}/merge`, { into: two.externalId });
    expect([merged.status, merged.json]).toMatchObject([
      200,
      { id: two.id, firstName: 'Grace', email: one.email },
    ]);
    expect((await org.get(at(one.id))).json.id).toBe(two.id);
    const name = uniqueName('after');
    expect((await org.post('/v1/events', { name, contactId: one.id })).status).toBe(200);
    expect((await org.post('/v1/events', { name, contactEmail: one.email })).status).toBe(200);
    expect(door.backstage.of(name).map(({ contactId }) => contactId)).toEqual([two.id, two.id]);
  });

  it('is 404 or 409 where it must be', async () => {
    const one = await create({ email: email() });
    const merge = (key: string, into: unknown) => org.post(`${at(key)}/merge`, { into });
    expect((await merge('nobody', one.id)).status).toBe(404);
    expect((await merge(one.id, 'nobody')).status).toBe(404);
    expect((await merge(one.id, one.email)).status).toBe(409);
    expect((await merge(one.id, 7)).status).toBe(422);
  });

  it('erases the person from the directory, whose address is free again', async () => {
    const contact = await create({ email: email() });
    expect((await org.post('/v1/events', { name: 'x', contactId: contact.id })).status).toBe(200);
    const answer = await erase(at(contact.email));
    expect([answer.status, answer.json]).toEqual([202, { success: true, id: contact.id, status: 'erasing' }]);
    expect((await org.get(at(contact.id))).status).toBe(404);
    expect((await erase(at(contact.id))).status).toBe(404);
    expect((await org.post('/v1/events', { name: 'x', contactId: contact.id })).status).toBe(400);
    expect((await create({ email: contact.email })).id).not.toBe(contact.id);
  });
});

describe('contacts.changed.v1', () => {
  it('has every change of a contact, in its order, once', async () => {
    const one = await create({ email: email() });
    const two = await create({ email: email() });
    await patch(at(one.id), { firstName: 'Ada' });
    await org.post(`${at(one.id)}/merge`, { into: two.id });
    await erase(at(two.id));
    await eventually(() =>
      changes.some(({ contactId, change }) => contactId === two.id && change === 'erased'),
    );
    const of = (id: string) =>
      changes.filter(({ contactId }) => contactId === id).map(({ change }) => change);
    expect(of(one.id)).toEqual(['created', 'updated', 'merged']);
    expect(changes.find(({ change, contactId }) => change === 'merged' && contactId === one.id)?.into).toBe(
      two.id,
    );
    expect(of(two.id)[0]).toBe('created');
  });

  it('has the contact that an event created', async () => {
    const contactEmail = email();
    await org.post('/v1/events', { name: 'x', contactEmail, createIfMissing: true });
    const { id } = (await org.get(at(contactEmail))).json;
    await eventually(() => changes.some(({ contactId, change }) => contactId === id && change === 'created'));
  });
});

describe('PUT and DELETE /v1/contacts/:contact/topics/:topicId', () => {
  const topic = (method: 'PUT' | 'DELETE', path: string) => org.call(method, path, { key: org.key });

  it('subscribe and unsubscribe, show it on the contact, and tell of what changed', async () => {
    const { id, email: address } = await create({ email: email() });
    const news = `${at(address)}/topics/${encodeURIComponent('weekly news')}`;
    const all = { topicId: 'weekly news', channels: ['email', 'sms', 'whatsapp'] };
    expect((await topic('PUT', news)).json).toMatchObject({ id, topics: [all] });
    expect((await topic('PUT', news)).status).toBe(200);
    expect((await topic('DELETE', `${news}?channel=sms`)).json.topics).toMatchObject([
      { channels: ['email', 'whatsapp'] },
    ]);
    expect((await org.call('GET', at(id), { key: org.key })).json.topics).toHaveLength(1);
    expect((await topic('DELETE', news)).json).not.toHaveProperty('topics');
    const told = await eventually(() => {
      const own = changes.filter(({ contactId, topicId }) => contactId === id && topicId !== undefined);
      return own.length === 3 && own;
    });
    expect(told).toMatchObject([
      { change: 'subscribed', topicId: 'weekly news' },
      { change: 'unsubscribed', channel: 'sms' },
      { change: 'unsubscribed' },
    ]);
  });

  it('refuse nobody, and a channel that there is not', async () => {
    expect((await topic('PUT', `${at('nobody@example.com')}/topics/news`)).status).toBe(404);
    const { id } = await create({ email: email() });
    expect((await topic('PUT', `${at(id)}/topics/news?channel=fax`)).status).toBe(422);
  });
});
