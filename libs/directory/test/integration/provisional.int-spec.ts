import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { uuidv7 } from '@trackline/kernel';
import type { ContactRequest, Directory } from '../../src/index.ts';
import { found, startFixture, type Fixture } from './fixture.ts';

/** Real work on a machine that may be busy with other things. */
jest.setTimeout(30_000);

let fixture: Fixture;
let here: Directory;
let there: Directory;
let organizationId: string;
beforeAll(async () => {
  fixture = await startFixture();
  ({ here, there } = fixture);
  organizationId = await fixture.organization();
});
afterAll(() => fixture?.close());

const resolve = async (request: Omit<ContactRequest, 'organizationId'>, directory = here) =>
  found((await directory.resolve([{ organizationId, ...request }]))[0]);
const create = () => ({ cause: uuidv7() });
let phones = 491_510_000_000;
const person = async () => (await resolve({ waId: String((phones += 1)), create: create() })).contactId;
const provisional = async (evidence = uuidv7()) => (await resolve({ evidence, create: create() })).contactId;
const changesOf = async (contactId: string) =>
  (await fixture.changes()).filter((change) => change.contactId === contactId);

describe('a provisional contact', () => {
  it('is made once per evidence, whoever comes first, and nobody is told of it', async () => {
    const evidence = uuidv7();
    const made = await Promise.all(
      [here, there, here, there].map((directory) => resolve({ evidence, create: create() }, directory)),
    );
    expect(new Set(made.map(({ contactId }) => contactId)).size).toBe(1);
    const contactId = made[0]!.contactId;
    expect(await here.getContact(organizationId, contactId)).toMatchObject({
      provisional: true,
      properties: {},
    });
    expect(await changesOf(contactId)).toEqual([]);
  });

  it('becomes an alias of whom it turned out to be, once, under any race, and its evidence finds them', async () => {
    const evidence = uuidv7();
    const from = await provisional(evidence);
    const into = await person();
    const outcomes = await Promise.all(
      [here, there, here, there].map((directory) =>
        directory.identifyProvisional(organizationId, from, into),
      ),
    );
    expect(outcomes.sort()).toEqual(['already', 'already', 'already', 'merged']);
    expect(await changesOf(from)).toMatchObject([{ change: 'merged', into }]);
    expect((await there.getContact(organizationId, from))?.id).toBe(into);
    expect((await resolve({ evidence, create: create() }, there)).contactId).toBe(into);
    expect(await here.getContact(organizationId, into)).not.toHaveProperty('provisional');
  });

  it('that was merged by hand meanwhile moves nobody: people are never merged by evidence', async () => {
    const [from, one, other] = [await provisional(), await person(), await person()];
    await here.mergeContacts(organizationId, from, one);
    expect(await here.identifyProvisional(organizationId, from, other)).toBe('already');
    expect(await here.identifyProvisional(organizationId, one, other)).toBe('already');
    expect((await there.getContact(organizationId, one))?.id).toBe(one);
  });

  it('follows a person who was merged, and goes when the person was erased', async () => {
    const [from, gone, stays] = [await provisional(), await person(), await person()];
    await here.mergeContacts(organizationId, gone, stays);
    expect(await here.identifyProvisional(organizationId, from, gone)).toBe('merged');
    expect((await here.getContact(organizationId, from))?.id).toBe(stays);

    const [left, erased] = [await provisional(), await person()];
    await here.deleteContact(organizationId, erased);
    expect(await here.identifyProvisional(organizationId, left, erased)).toBe('erased');
    expect(await here.getContact(organizationId, left)).toBeUndefined();
    expect(await here.identifyProvisional(organizationId, left, erased)).toBe('already');
  });

  it('into which a person was merged is that person, and nobody else by evidence', async () => {
    const [from, named, other] = [await provisional(), await person(), await person()];
    expect(await here.mergeContacts(organizationId, named, from)).not.toHaveProperty('contact.provisional');
    expect(await here.identifyProvisional(organizationId, from, other)).toBe('already');
    expect((await there.getContact(organizationId, from))?.id).toBe(from);

    // Known by nothing but Meta's user id, and yet somebody.
    const [left, nameless] = [
      await provisional(),
      (await resolve({ whatsappUserId: `US.${uuidv7()}`, create: create() })).contactId,
    ];
    await here.mergeContacts(organizationId, nameless, left);
    expect(await here.identifyProvisional(organizationId, left, other)).toBe('already');
  });

  it('that gains an identifier is somebody, whichever way it came', async () => {
    const ways: ((contactId: string) => Promise<unknown>)[] = [
      (contactId) => here.patchContact(organizationId, contactId, { email: `${uuidv7()}@example.com` }),
      (contactId) =>
        here.updateContacts([
          {
            organizationId,
            contactId,
            cause: uuidv7(),
            updates: [{ field: 'externalId', operation: 'set', value: uuidv7() }],
          },
        ]),
      (contactId) => here.attachWhatsappUser({ organizationId, contactId, whatsappUserId: `US.${uuidv7()}` }),
    ];
    for (const give of ways) {
      const [from, other] = [await provisional(), await person()];
      await give(from);
      expect(await there.getContact(organizationId, from)).not.toHaveProperty('provisional');
      expect(await here.identifyProvisional(organizationId, from, other)).toBe('already');
      expect((await there.getContact(organizationId, from))?.id).toBe(from);
    }
  });

  it('is nobody still when only its names and properties change, or another nobody is merged into it', async () => {
    const [from, other, ada] = [await provisional(), await provisional(), await person()];
    await here.patchContact(organizationId, from, { firstName: 'Ada', properties: { seen: 1 } });
    await here.mergeContacts(organizationId, other, from);
    expect(await there.getContact(organizationId, from)).toMatchObject({ provisional: true });
    expect(await here.identifyProvisional(organizationId, from, ada)).toBe('merged');
  });

  it('takes what a person has not, and nothing else', async () => {
    const from = await provisional();
    await here.patchContact(organizationId, from, { properties: { seen: 1 } });
    const into = await person();
    await here.identifyProvisional(organizationId, from, into);
    const contact = await here.getContact(organizationId, into);
    expect(contact).toMatchObject({ properties: { seen: 1 } });
    expect(contact).not.toHaveProperty('provisional');
  });
});

describe('a WhatsApp number', () => {
  it.each([
    ['5215512345678', '+525512345678'],
    ['551187654321', '+5511987654321'],
    ['33612345678', '+33612345678'],
    ['99912345678901', '+99912345678901'],
    ['12345', '+12345'],
  ])('%s is never refused and meets its other form: %s', async (waId, phone) => {
    const { contactId } = await resolve({ waId, create: create() });
    expect((await here.getContact(organizationId, contactId))?.phone).toBe(phone);
    expect((await resolve({ waId: phone, create: create() }, there)).contactId).toBe(contactId);
  });

  it('that is no number is not found', async () => {
    for (const waId of ['US.13491208655302741918', 'abc', '12', '1'.repeat(30)])
      expect((await here.resolve([{ organizationId, waId, create: create() }]))[0]).toHaveProperty(
        'notFound',
      );
  });
});

describe('a WhatsApp user id', () => {
  const userId = () => `US.${uuidv7()}`;

  it('finds a contact, and makes one when there is no number', async () => {
    const whatsappUserId = userId();
    const { contactId, created } = await resolve({ whatsappUserId, create: create() });
    expect(created).toBe(true);
    expect((await resolve({ whatsappUserId }, there)).contactId).toBe(contactId);
    expect(await changesOf(contactId)).toMatchObject([{ change: 'created' }]);
  });

  it('goes along when a number makes the contact', async () => {
    const whatsappUserId = userId();
    const { contactId } = await resolve({ waId: String((phones += 1)), whatsappUserId, create: create() });
    expect((await resolve({ whatsappUserId }, there)).contactId).toBe(contactId);
  });

  it('is attached to whom is known by number, and who was known by it alone becomes an alias', async () => {
    const whatsappUserId = userId();
    const nameless = (await resolve({ whatsappUserId, create: create() })).contactId;
    const contactId = await person();
    const outcomes = await Promise.all(
      [here, there, here].map((directory) =>
        directory.attachWhatsappUser({ organizationId, contactId, whatsappUserId }),
      ),
    );
    expect(outcomes.sort()).toEqual(['already', 'already', 'attached']);
    expect((await there.getContact(organizationId, nameless))?.id).toBe(contactId);
    expect((await resolve({ whatsappUserId }, there)).contactId).toBe(contactId);
  });

  it('of another person stays with that person', async () => {
    const whatsappUserId = userId();
    const [one, other] = [await person(), await person()];
    await here.attachWhatsappUser({ organizationId, contactId: one, whatsappUserId });
    expect(await here.attachWhatsappUser({ organizationId, contactId: other, whatsappUserId })).toBe('taken');
    expect((await resolve({ whatsappUserId }, there)).contactId).toBe(one);
    expect(
      await here.attachWhatsappUser({ organizationId, contactId: uuidv7(), whatsappUserId: userId() }),
    ).toBe('not_found');
  });
});
