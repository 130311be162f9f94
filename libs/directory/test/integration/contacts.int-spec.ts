import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { uuidv7 } from '@trackline/kernel';
import type { Contact, ContactInput, Directory } from '../../src/index.ts';
import { startFixture, type Fixture } from './fixture.ts';

/** Real work on a machine that may be busy with other things. */
jest.setTimeout(30_000);

let fixture: Fixture;
let here: Directory;
let there: Directory;
let organizationId: string;

beforeAll(async () => {
  fixture = await startFixture();
  ({ here, there } = fixture);
});
afterAll(() => fixture?.close());
beforeEach(async () => {
  organizationId = await fixture.organization();
  await fixture.changes();
});

const create = async (input: ContactInput): Promise<Contact> => {
  const outcome = await here.createContact(organizationId, input);
  if (outcome.outcome !== 'created') throw new Error(JSON.stringify(outcome));
  return outcome.contact;
};
const kinds = async () =>
  (await fixture.changes()).map(({ contactId, change, into }) => ({ contactId, change, into }));

describe('creating', () => {
  it('keeps what is given, in its normal form', async () => {
    const contact = await create({
      email: 'Ada@Example.com',
      phone: 4915123456789,
      firstName: 'Ada',
      properties: { nested: { list: [1, 'two', null] }, 'a "quoted" \\ {key}': '{},"' },
    });
    expect(contact).toMatchObject({ organizationId, email: 'ada@example.com', phone: '+4915123456789' });
    expect(await there.getContact(organizationId, contact.id)).toEqual(contact);
    expect(await there.getContact(organizationId, 'ADA@example.com')).toEqual(contact);
  });

  it('refuses an identifier that another has, and says whose', async () => {
    const contact = await create({ email: 'a@x.y', externalId: '1' });
    expect(await there.createContact(organizationId, { email: 'b@x.y', externalId: '1' })).toEqual({
      outcome: 'conflict',
      field: 'externalId',
      contactId: contact.id,
    });
    expect(await here.getContact(organizationId, 'b@x.y')).toBeUndefined();
  });

  it('raced with one identifier in common makes one; the others conflict', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        [here, there][at % 2]!.createContact(organizationId, { email: 'a@x.y', externalId: `${at}` }),
      ),
    );
    expect(outcomes.filter(({ outcome }) => outcome === 'created')).toHaveLength(1);
    expect(outcomes.filter(({ outcome }) => outcome === 'conflict')).toHaveLength(19);
    expect((await here.findContacts(organizationId)).items).toHaveLength(1);
  });

  it('needs an identifier', async () => {
    expect(await here.createContact(organizationId, { firstName: 'Ada' })).toMatchObject({
      outcome: 'invalid',
    });
  });
});

describe('patching', () => {
  it('changes what is named', async () => {
    const { id } = await create({ email: 'a@x.y', properties: { a: 1, b: 2 } });
    const outcome = await there.patchContact(organizationId, 'a@x.y', {
      email: 'b@x.y',
      lastName: 'L',
      properties: { a: null, c: 3 },
    });
    expect(outcome).toMatchObject({ outcome: 'updated', contact: { id, email: 'b@x.y', lastName: 'L' } });
    expect((await here.getContact(organizationId, id))?.properties).toEqual({ b: 2, c: 3 });
    expect(await here.getContact(organizationId, 'a@x.y')).toBeUndefined();
    expect(await kinds()).toEqual([
      { contactId: id, change: 'created' },
      { contactId: id, change: 'updated' },
    ]);
  });

  it('that changes nothing writes nothing', async () => {
    const { id } = await create({ email: 'a@x.y', properties: { a: { b: 1 } } });
    await fixture.changes();
    expect(
      await here.patchContact(organizationId, id, { email: 'A@X.Y', properties: { a: { b: 1 } } }),
    ).toMatchObject({
      outcome: 'unchanged',
    });
    expect(await fixture.changes()).toEqual([]);
  });

  it('keeps to what is free, what is possible, and one identifier', async () => {
    const { id } = await create({ email: 'a@x.y' });
    await create({ email: 'b@x.y' });
    expect(await here.patchContact(organizationId, id, { email: 'b@x.y' })).toMatchObject({
      outcome: 'conflict',
    });
    expect(await here.patchContact(organizationId, id, { email: null })).toMatchObject({
      outcome: 'invalid',
    });
    expect(await here.patchContact(organizationId, id, { phone: 'x' })).toMatchObject({ outcome: 'invalid' });
    const full = { properties: { big: 'x'.repeat(40_000) } };
    expect(await here.patchContact(organizationId, id, full)).toMatchObject({ outcome: 'updated' });
    const over = { properties: { more: 'x'.repeat(40_000) } };
    expect(await here.patchContact(organizationId, id, over)).toMatchObject({ outcome: 'invalid' });
  });

  it.each(['', 'x', '\0', '\ud800', '__proto__', '00000000-0000-7000-8000-000000000000'])(
    'of %j finds nothing',
    async (key) => {
      expect(await here.patchContact(organizationId, key, { firstName: 'x' })).toEqual({
        outcome: 'not_found',
      });
      expect(await here.getContact(organizationId, key)).toBeUndefined();
      expect(await here.deleteContact(organizationId, key)).toEqual({ outcome: 'not_found' });
    },
  );

  it('two contacts that swap their emails, one after another and all at once, never share one', async () => {
    const [a, b] = [
      await create({ email: 'a@x.y', externalId: '1' }),
      await create({ email: 'b@x.y', externalId: '2' }),
    ];
    await Promise.all(
      Array.from({ length: 30 }, (_, at) =>
        [here, there][at % 2]!.patchContact(organizationId, at % 2 ? a.id : b.id, {
          email: ['a@x.y', 'b@x.y', 'c@x.y'][at % 3]!,
        }),
      ),
    );
    const contacts = await here.contacts([
      { organizationId, contactId: a.id },
      { organizationId, contactId: b.id },
    ]);
    const emails = [...contacts.values()].map(({ email }) => email);
    expect(new Set(emails).size).toBe(2);
    for (const contact of contacts.values()) {
      expect((await here.getContact(organizationId, contact.email!))?.id).toBe(contact.id);
    }
    const { rows } = await fixture.database.query({
      text: 'SELECT value FROM directory.identifier WHERE organization_id = $1 AND kind = 1 ORDER BY value',
      values: [organizationId],
    });
    expect(rows).toEqual(emails.sort().map((value) => ({ value })));
  });
});

describe('upserts', () => {
  it('match by external id, else email, else phone; make what is not there; one bad item stops no other', async () => {
    const known = await create({ email: 'a@x.y', externalId: '1' });
    const other = await create({ email: 'b@x.y' });
    const outcomes = await here.upsertContacts(organizationId, [
      { externalId: '1', email: 'new@x.y', firstName: 'A' },
      { email: 'b@x.y', phone: '+4915123456789' },
      { phone: '4915123456789', lastName: 'B' },
      { email: 'c@x.y', properties: { n: 1 } },
      { email: 'c@x.y', properties: { m: 2 } },
      { email: 'C@x.y', properties: { m: 2 } },
      { externalId: '1', email: 'b@x.y' },
      { firstName: 'nobody' },
      { email: 'nonsense' },
      { email: 'd@x.y', properties: { a: '\0' } },
      null as unknown as ContactInput,
    ]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      'updated',
      'updated',
      'updated',
      'created',
      'updated',
      'unchanged',
      'conflict',
      'invalid',
      'invalid',
      'invalid',
      'invalid',
    ]);
    expect(await there.getContact(organizationId, known.id)).toMatchObject({
      email: 'new@x.y',
      firstName: 'A',
    });
    expect(await there.getContact(organizationId, other.id)).toMatchObject({
      phone: '+4915123456789',
      lastName: 'B',
    });
    expect(await there.getContact(organizationId, 'c@x.y')).toMatchObject({ properties: { n: 1, m: 2 } });
    expect(await there.getContact(organizationId, 'd@x.y')).toBeUndefined();
  });

  it('may hand an identifier from one contact of the batch to another', async () => {
    const known = await create({ email: 'a@x.y', externalId: '1' });
    const outcomes = await here.upsertContacts(organizationId, [
      { externalId: '1', email: 'b@x.y' },
      { email: 'a@x.y', firstName: 'New' },
    ]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['updated', 'created']);
    expect((await here.getContact(organizationId, 'a@x.y'))?.id).not.toBe(known.id);
    expect((await here.getContact(organizationId, 'b@x.y'))?.id).toBe(known.id);
  });

  it('of a thousand, raced by the same in another order, make each once', async () => {
    const items = Array.from({ length: 1_000 }, (_, at) => ({ email: `c${at}@x.y`, externalId: `${at}` }));
    const outcomes = await Promise.all([
      here.upsertContacts(organizationId, items),
      there.upsertContacts(organizationId, [...items].reverse()),
      here.upsertContacts(organizationId, items),
    ]);
    expect(outcomes.flat().filter(({ outcome }) => outcome === 'created')).toHaveLength(1_000);
    expect(outcomes.flat().filter(({ outcome }) => outcome === 'unchanged')).toHaveLength(2_000);
  });
});

describe('updates by workflows', () => {
  const increment = (contactId: string, cause: string) => ({
    organizationId,
    contactId,
    cause,
    updates: [{ field: 'visits', operation: 'increment' as const }],
  });

  it('are made once per cause, however often and wherever they are asked for', async () => {
    const { id } = await create({ email: 'a@x.y' });
    await Promise.all(
      Array.from({ length: 40 }, (_, at) =>
        [here, there][at % 2]!.updateContacts([increment(id, `cause ${at % 10}`)]),
      ),
    );
    expect((await here.getContact(organizationId, id))?.properties).toEqual({ visits: 10 });
  });

  it('of one contact in one batch build on each other', async () => {
    const { id } = await create({ email: 'a@x.y' });
    const updated = await here.updateContacts([increment(id, '1'), increment(id, '2'), increment(id, '1')]);
    expect(updated.get(id)?.properties).toEqual({ visits: 2 });
    expect((await kinds()).map(({ change }) => change)).toEqual(['created', 'updated']);
  });

  it('lose only the operation that makes no sense, and say which', async () => {
    const { id } = await create({ email: 'a@x.y' });
    await create({ email: 'b@x.y' });
    const updated = await here.updateContacts([
      {
        organizationId,
        contactId: id,
        cause: '1',
        updates: [
          { field: 'email', operation: 'set', value: 'b@x.y' },
          { field: 'email', operation: 'unset' },
          { field: 'x', operation: 'set', value: '\ud800' },
          { field: 'firstName', operation: 'set', value: 'Ada' },
        ],
      },
    ]);
    expect(updated.get(id)).toMatchObject({ email: 'a@x.y', firstName: 'Ada' });
    expect(updated.refused.map(({ cause, index, reason }) => ({ cause, index, reason }))).toEqual([
      { cause: '1', index: 0, reason: 'another contact has this email' },
      { cause: '1', index: 1, reason: 'a contact needs an identifier' },
      { cause: '1', index: 2, reason: expect.stringContaining('well-formed') },
    ]);
  });

  it('of contacts that do not exist are missing from the answer; the others are made', async () => {
    const { id } = await create({ email: 'a@x.y' });
    const updated = await here.updateContacts([
      increment(uuidv7(), '1'),
      increment('x', '2'),
      increment(id, '3'),
    ]);
    expect([...updated.keys()]).toEqual([id]);
  });

  it('share the fate of the transaction they are part of', async () => {
    const { id } = await create({ email: 'a@x.y' });
    const undone = fixture.database.transaction(async (tx) => {
      expect((await here.updateContacts([increment(id, '1')], tx)).get(id)?.properties).toEqual({
        visits: 1,
      });
      throw new Error('undo');
    });
    await expect(undone).rejects.toThrow('undo');
    expect((await here.getContact(organizationId, id))?.properties).toEqual({});
    await fixture.database.transaction((tx) => here.updateContacts([increment(id, '1')], tx));
    expect((await here.getContact(organizationId, id))?.properties).toEqual({ visits: 1 });
  });

  it('follow a contact that was merged', async () => {
    const [a, b] = [await create({ email: 'a@x.y' }), await create({ email: 'b@x.y' })];
    await here.mergeContacts(organizationId, a.id, b.id);
    const updated = await here.updateContacts([increment(a.id, '1')]);
    expect(updated.get(a.id)).toMatchObject({ id: b.id, properties: { visits: 1 } });
  });

  it('forget causes that are too old to come again', async () => {
    const { id } = await create({ email: 'a@x.y' });
    await here.updateContacts([increment(id, '1')]);
    expect(await here.purgeCauses(60_000, 100)).toBe(0);
    let purged = 0;
    while ((purged = await here.purgeCauses(-60_000, 2)) > 0) expect(purged).toBeLessThanOrEqual(2);
    expect((await here.updateContacts([increment(id, '1')])).get(id)?.properties).toEqual({ visits: 2 });
  });
});

describe('merging', () => {
  it('makes an alias: ids and identifiers of the one find the other, which takes over what it lacked', async () => {
    const a = await create({
      email: 'a@x.y',
      phone: '+4915123456789',
      firstName: 'A',
      properties: { x: 1, y: 1 },
    });
    const b = await create({ email: 'b@x.y', lastName: 'B', properties: { y: 2 } });
    const [before] = await there.resolve([{ organizationId, email: 'a@x.y' }]);
    expect(before).toEqual({ contactId: a.id, created: false });
    expect(await here.mergeContacts(organizationId, a.id, 'b@x.y')).toMatchObject({
      outcome: 'merged',
      contact: {
        id: b.id,
        email: 'b@x.y',
        phone: '+4915123456789',
        firstName: 'A',
        lastName: 'B',
        properties: { x: 1, y: 2 },
      },
    });
    for (const reference of [
      { email: 'a@x.y' },
      { contactId: a.id },
      { phone: '+4915123456789' },
      { email: 'b@x.y' },
    ]) {
      expect(await there.resolve([{ organizationId, ...reference }])).toEqual([
        { contactId: b.id, created: false },
      ]);
    }
    expect((await there.getContact(organizationId, a.id))?.id).toBe(b.id);
    expect((await there.contacts([{ organizationId, contactId: a.id }])).get(a.id)?.id).toBe(b.id);
    expect((await kinds()).slice(2)).toEqual([
      { contactId: b.id, change: 'updated' },
      { contactId: a.id, change: 'merged', into: b.id },
    ]);
  });

  it('again changes nothing; into itself or into nobody is refused', async () => {
    const [a, b] = [await create({ email: 'a@x.y' }), await create({ email: 'b@x.y' })];
    await here.mergeContacts(organizationId, a.id, b.id);
    await fixture.changes();
    expect(await here.mergeContacts(organizationId, a.id, b.id)).toMatchObject({
      outcome: 'merged',
      contact: { id: b.id },
    });
    expect(await fixture.changes()).toEqual([]);
    expect(await here.mergeContacts(organizationId, b.id, b.id)).toEqual({ outcome: 'same' });
    expect(await here.mergeContacts(organizationId, b.id, a.id)).toEqual({ outcome: 'same' });
    expect(await here.mergeContacts(organizationId, b.id, 'x')).toEqual({
      outcome: 'not_found',
      which: 'into',
    });
    expect(await here.mergeContacts(organizationId, uuidv7(), b.id)).toEqual({
      outcome: 'not_found',
      which: 'contact',
    });
  });

  it('in a chain leads every alias to the last', async () => {
    const [a, b, c] = [
      await create({ email: 'a@x.y' }),
      await create({ email: 'b@x.y' }),
      await create({ email: 'c@x.y' }),
    ];
    await here.mergeContacts(organizationId, a.id, b.id);
    await here.mergeContacts(organizationId, b.id, c.id);
    for (const key of [a.id, b.id, 'a@x.y', 'b@x.y']) {
      expect((await here.getContact(organizationId, key))?.id).toBe(c.id);
    }
  });

  it('both ways at once leaves one contact', async () => {
    const [a, b] = [await create({ email: 'a@x.y' }), await create({ email: 'b@x.y' })];
    await Promise.all([
      here.mergeContacts(organizationId, a.id, b.id),
      there.mergeContacts(organizationId, b.id, a.id),
    ]);
    expect((await here.findContacts(organizationId)).items).toHaveLength(1);
    expect((await here.getContact(organizationId, 'a@x.y'))?.id).toBe(
      (await here.getContact(organizationId, 'b@x.y'))?.id,
    );
  });

  it('lets the one that stays set the other’s identifier as its own, and give it up', async () => {
    const [a, b] = [await create({ email: 'a@x.y' }), await create({ email: 'b@x.y' })];
    await here.mergeContacts(organizationId, a.id, b.id);
    expect(await here.patchContact(organizationId, b.id, { email: 'a@x.y' })).toMatchObject({
      outcome: 'updated',
    });
    expect(await here.getContact(organizationId, 'b@x.y')).toBeUndefined();
    expect((await here.getContact(organizationId, 'a@x.y'))?.id).toBe(b.id);
  });
});

describe('erasing', () => {
  it('removes the contact with all its identifiers, also those from merges, and leaves a tombstone', async () => {
    const [a, b] = [
      await create({ email: 'a@x.y' }),
      await create({ email: 'b@x.y', phone: '+4915123456789' }),
    ];
    await here.mergeContacts(organizationId, a.id, b.id);
    await fixture.changes();
    expect(await there.deleteContact(organizationId, a.id)).toEqual({ outcome: 'erased', contactId: b.id });
    expect(await here.contacts([a, b].map(({ id }) => ({ organizationId, contactId: id })))).toEqual(
      new Map(),
    );
    expect(await kinds()).toEqual([{ contactId: b.id, change: 'erased' }]);
    const count = async (table: string) =>
      (
        await fixture.database.query<{ n: number }>({
          text: `SELECT count(*) AS n FROM directory.${table} WHERE organization_id = $1`,
          values: [organizationId],
        })
      ).rows[0]!.n;
    expect([await count('contact'), await count('identifier'), await count('tombstone')]).toEqual([0, 0, 1]);
    expect(await here.deleteContact(organizationId, b.id)).toEqual({ outcome: 'not_found' });
  });

  it('frees the identifiers for a new contact', async () => {
    const old = await create({ email: 'a@x.y' });
    await here.deleteContact(organizationId, 'a@x.y');
    expect((await create({ email: 'a@x.y' })).id).not.toBe(old.id);
  });

  it('raced with changes of the same contact ends with none of it', async () => {
    const { id } = await create({ email: 'a@x.y' });
    await Promise.all([
      ...Array.from({ length: 10 }, (_, at) =>
        here.patchContact(organizationId, id, { email: `a${at}@x.y` }),
      ),
      there.deleteContact(organizationId, id),
      ...Array.from({ length: 10 }, (_, at) =>
        there.patchContact(organizationId, id, { externalId: `${at}` }),
      ),
    ]);
    const { rows } = await fixture.database.query({
      text: 'SELECT * FROM directory.identifier WHERE organization_id = $1',
      values: [organizationId],
    });
    expect(rows).toEqual([]);
    expect((await fixture.changes()).at(-1)).toMatchObject({ contactId: id, change: 'erased' });
  });
});

describe('finding', () => {
  it('filters by email, phone and how something begins; filters hold together', async () => {
    const ada = await create({
      email: 'ada@x.y',
      phone: '+4915123456789',
      firstName: 'Ada',
      lastName: 'Lovelace',
    });
    const bob = await create({ email: 'bob_1@x.y', externalId: 'Ada-like', firstName: 'B%b' });
    const ids = async (filter: Parameters<Directory['findContacts']>[1]) =>
      (await here.findContacts(organizationId, filter)).items.map(({ id }) => id);
    expect(await ids({})).toEqual([bob.id, ada.id]);
    expect(await ids({ email: ' ADA@x.y' })).toEqual([ada.id]);
    expect(await ids({ phone: '4915123456789' })).toEqual([ada.id]);
    expect(await ids({ email: 'bob_1@x.y', phone: '4915123456789' })).toEqual([]);
    expect(await ids({ q: 'ada' })).toEqual([ada.id]);
    expect(await ids({ q: 'Ada' })).toEqual([bob.id, ada.id]);
    expect(await ids({ q: 'LOVE' })).toEqual([ada.id]);
    expect(await ids({ q: '+49 151' })).toEqual([ada.id]);
    expect(await ids({ q: 'bob%' })).toEqual([]);
    expect(await ids({ q: 'bobx' })).toEqual([]);
    expect(await ids({ q: 'bob_' })).toEqual([bob.id]);
    expect(await ids({ q: 'b%' })).toEqual([bob.id]);
    expect(await ids({ q: ' ' })).toEqual([bob.id, ada.id]);
    for (const q of ['\0', '\ud800', '\\', "'; --", 'x'.repeat(300)]) expect(await ids({ q })).toEqual([]);
    for (const email of ['', 'x', '\0']) expect(await ids({ email })).toEqual([]);
    expect(await ids({ phone: 'x' })).toEqual([]);
  });

  it('pages newest first, each once, while contacts are added', async () => {
    const made: string[] = [];
    for (let at = 0; at < 7; at++) made.unshift((await create({ externalId: `${at}` })).id);
    const listed: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await here.findContacts(organizationId, { limit: 3, ...(cursor ? { cursor } : {}) });
      listed.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor ?? undefined;
      await create({ externalId: `later ${listed.length}` });
    } while (cursor);
    expect(listed).toEqual(made);
    await expect(here.findContacts(organizationId, { cursor: 'x' })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
  });
});
