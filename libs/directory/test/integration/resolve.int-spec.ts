import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
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
});
afterAll(() => fixture?.close());
beforeEach(async () => {
  organizationId = await fixture.organization();
  await fixture.changes();
});

const created = async (input: Parameters<Directory['createContact']>[1]): Promise<string> => {
  const outcome = await here.createContact(organizationId, input);
  if (outcome.outcome !== 'created') throw new Error(JSON.stringify(outcome));
  return outcome.contact.id;
};
const resolve = (directory: Directory, ...requests: Omit<ContactRequest, 'organizationId'>[]) =>
  directory.resolve(requests.map((request) => ({ organizationId, ...request })));
const NOT_FOUND = { notFound: true, reason: expect.any(String) };

describe('the contact of an event', () => {
  it('is found by contactId, externalId, email or phone, in any writing', async () => {
    const contactId = await created({
      email: 'Ada@Example.com',
      externalId: 'u-1',
      phone: '+49 151 23456789',
    });
    const hit = { contactId, created: false };
    for (const directory of [here, here, there]) {
      expect(
        await resolve(
          directory,
          { contactId },
          { externalId: 'u-1' },
          { email: ' ADA@example.COM ' },
          { phone: '0049 (151) 23456789' },
          { phone: 4915123456789 },
        ),
      ).toEqual([hit, hit, hit, hit, hit]);
    }
  });

  it('is decided by the first identifier given, in this rank', async () => {
    const [a, b, c] = [
      await created({ email: 'a@x.y' }),
      await created({ externalId: 'b' }),
      await created({ email: 'c@x.y' }),
    ];
    expect(
      await resolve(
        here,
        { contactId: a, externalId: 'b', email: 'c@x.y' },
        { externalId: 'b', email: 'c@x.y' },
        { email: 'c@x.y', phone: '+4915100000000' },
        { contactId: uuidv7(), email: 'c@x.y' },
        { contactId: '', email: 'c@x.y' },
      ),
    ).toEqual([
      { contactId: a, created: false },
      { contactId: b, created: false },
      { contactId: c, created: false },
      NOT_FOUND,
      { contactId: c, created: false },
    ]);
  });

  it('is of the same organisation', async () => {
    const contactId = await created({ email: 'a@x.y' });
    const other = await fixture.organization();
    expect(
      await here.resolve([
        { organizationId: other, contactId },
        { organizationId: other, email: 'a@x.y' },
        { organizationId: uuidv7(), email: 'a@x.y' },
        { organizationId: 'x', email: 'a@x.y', create: { cause: '1' } },
        { organizationId: uuidv7(), email: 'a@x.y', create: { cause: '1' } },
      ]),
    ).toEqual([NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND]);
  });

  it('is found in the cache with one version read for a batch', async () => {
    await resolve(here, { email: 'a@x.y', create: { cause: '1' } });
    await resolve(here, { email: 'a@x.y' });
    fixture.statements();
    const batch = Array.from({ length: 500 }, () => ({ email: 'a@x.y' }));
    const resolutions = await resolve(here, ...batch);
    expect(new Set(resolutions.map((resolution) => found(resolution).contactId)).size).toBe(1);
    expect(fixture.statements()).toEqual(['directory.revisions']);
  });

  it('is found the moment it exists: absence is never remembered', async () => {
    expect(await resolve(here, { email: 'a@x.y' })).toEqual([NOT_FOUND]);
    const outcome = await there.createContact(organizationId, { email: 'a@x.y' });
    expect(outcome.outcome).toBe('created');
    expect(found((await resolve(here, { email: 'a@x.y' }))[0]).created).toBe(false);
  });

  it('is another the moment an identifier moves, on every instance', async () => {
    const [a, b] = [await created({ email: 'a@x.y', externalId: '1' }), await created({ externalId: '2' })];
    const ask = async (directory: Directory) => (await resolve(directory, { email: 'a@x.y' }))[0];
    expect(await Promise.all([ask(here), ask(there)])).toEqual([
      { contactId: a, created: false },
      { contactId: a, created: false },
    ]);
    await there.patchContact(organizationId, a, { email: null });
    expect(await Promise.all([ask(here), ask(there)])).toEqual([NOT_FOUND, NOT_FOUND]);
    await there.patchContact(organizationId, b, { email: 'a@x.y' });
    expect(found(await ask(here)).contactId).toBe(b);
    await here.deleteContact(organizationId, b);
    expect(await Promise.all([ask(here), ask(there)])).toEqual([NOT_FOUND, NOT_FOUND]);
    expect(await resolve(there, { contactId: b })).toEqual([NOT_FOUND]);
  });
});

describe('creating the contact of an event', () => {
  it('gives it the identifiers and the name, and says so in the outbox', async () => {
    const [resolution] = await resolve(here, {
      email: ' Ada@Example.com',
      externalId: 'u-1',
      phone: '4915123456789',
      create: { firstName: ' Ada ', cause: '1' },
    });
    const { contactId, created: made } = found(resolution);
    expect(made).toBe(true);
    expect(await there.getContact(organizationId, contactId)).toMatchObject({
      email: 'ada@example.com',
      externalId: 'u-1',
      phone: '+4915123456789',
      firstName: 'Ada',
      properties: {},
    });
    expect(await fixture.changes()).toMatchObject([{ organizationId, contactId, change: 'created' }]);
  });

  it('works by phone when no email is given', async () => {
    const { contactId } = found(
      (await resolve(here, { phone: '+5215512345678', create: { cause: '1' } }))[0],
    );
    expect(await resolve(here, { phone: '+525512345678', create: { cause: '2' } })).toEqual([
      { contactId, created: false },
    ]);
  });

  it('when raced by 50 requests on two instances makes one contact and says so once', async () => {
    for (const round of [1, 2, 3]) {
      const requests = Array.from({ length: 50 }, (_, at) =>
        resolve([here, there][at % 2]!, {
          email: `ada${round}@x.y`,
          create: { cause: `event ${round} ${at}` },
        }),
      );
      const resolutions = (await Promise.all(requests)).map(([resolution]) => found(resolution));
      expect(new Set(resolutions.map(({ contactId }) => contactId)).size).toBe(1);
      expect(resolutions.filter(({ created: made }) => made)).toHaveLength(1);
    }
    const changes = await fixture.changes();
    expect(changes.filter(({ change }) => change === 'created')).toHaveLength(3);
  });

  it('when raced by whole batches in different order makes each contact once, without a deadlock', async () => {
    const emails = Array.from({ length: 200 }, (_, at) => `c${at}@x.y`);
    const batch = (directory: Directory, order: string[], by: string) =>
      resolve(directory, ...order.map((email) => ({ email, create: { cause: `${by} ${email}` } })));
    const all = await Promise.all([
      batch(here, emails, '1'),
      batch(there, [...emails].reverse(), '2'),
      batch(
        here,
        [...emails].sort(() => 0.5 - Math.random()),
        '3',
      ),
      batch(there, emails, '4'),
    ]);
    const resolutions = all.flat().map((resolution) => found(resolution));
    expect(new Set(resolutions.map(({ contactId }) => contactId)).size).toBe(200);
    expect(resolutions.filter(({ created: made }) => made)).toHaveLength(200);
  });

  it('tells the same cause the same again, also from the cache and on another instance; another cause not', async () => {
    const ask = (directory: Directory, cause: string) =>
      resolve(directory, { email: 'a@x.y', create: { cause } });
    const { contactId } = found((await ask(here, '1'))[0]);
    for (const directory of [here, here, there]) {
      expect(await ask(directory, '1')).toEqual([{ contactId, created: true }]);
      expect(await ask(directory, '2')).toEqual([{ contactId, created: false }]);
      expect(await resolve(directory, { email: 'a@x.y' })).toEqual([{ contactId, created: false }]);
    }
  });

  it('tells the same cause the same again after the identifier has moved away', async () => {
    const ask = () => resolve(here, { email: 'a@x.y', create: { cause: '1' } });
    const { contactId } = found((await ask())[0]);
    await here.patchContact(organizationId, contactId, { email: 'b@x.y' });
    expect(await ask()).toEqual([{ contactId, created: true }]);
  });

  it('does not bring back a contact that was erased, when its cause comes again', async () => {
    const ask = (cause: string) => resolve(here, { email: 'a@x.y', create: { cause } });
    const { contactId } = found((await ask('1'))[0]);
    await there.deleteContact(organizationId, contactId);
    expect(await ask('1')).toEqual([NOT_FOUND]);
    const anew = found((await ask('2'))[0]);
    expect(anew.created).toBe(true);
    expect(anew.contactId).not.toBe(contactId);
  });

  it('within a batch counts from its place on', async () => {
    const create = (cause: string) => ({ create: { cause } });
    const [before, maker, twin, again, other, byPhone] = await resolve(
      here,
      { email: 'a@x.y' },
      { email: 'a@x.y', phone: '+4915123456789', ...create('1') },
      { email: 'A@x.y', ...create('1') },
      { email: 'a@x.y' },
      { email: 'a@x.y', ...create('2') },
      { phone: '+4915123456789' },
    );
    const { contactId } = found(maker);
    expect(before).toEqual(NOT_FOUND);
    expect(found(maker).created).toBe(true);
    expect(twin).toEqual({ contactId, created: true });
    for (const resolution of [again, other, byPhone])
      expect(resolution).toEqual({ contactId, created: false });
  });

  it('leaves a further identifier that another contact has where it is', async () => {
    const owner = await created({ phone: '+4915123456789' });
    const [resolution] = await resolve(here, {
      email: 'a@x.y',
      phone: '+4915123456789',
      create: { cause: '1' },
    });
    expect(found(resolution).created).toBe(true);
    expect(await here.getContact(organizationId, 'a@x.y')).not.toHaveProperty('phone');
    expect(found((await resolve(here, { phone: '+4915123456789' }))[0]).contactId).toBe(owner);
  });

  it('two of a batch that want the same further identifier: the first has it', async () => {
    await resolve(
      here,
      { email: 'a@x.y', phone: '+4915123456789', create: { cause: '1' } },
      { email: 'b@x.y', phone: '+4915123456789', create: { cause: '2' } },
    );
    expect(await here.getContact(organizationId, 'a@x.y')).toHaveProperty('phone', '+4915123456789');
    expect(await here.getContact(organizationId, 'b@x.y')).not.toHaveProperty('phone');
  });
});

describe('a batch', () => {
  it('gives each request its answer, whatever the others are', async () => {
    const strange = ['', '\0', '\ud800', 'x', '__proto__', 'x'.repeat(10_000), null, 7, {}, []] as string[];
    const requests: ContactRequest[] = strange.flatMap((value) => [
      { organizationId: value },
      { organizationId, contactId: value },
      { organizationId, externalId: value },
      { organizationId, email: value },
      { organizationId, phone: value },
      { organizationId, email: value, create: { cause: 'c' } },
      { organizationId, phone: value, create: { cause: 'c' } },
    ]);
    requests.push({ organizationId, email: 'a@x.y', create: { cause: 'good', firstName: 'nul\0' } });
    const resolutions = await here.resolve(requests);
    const { contactId } = found(resolutions.at(-1));
    for (const resolution of resolutions.slice(0, -1)) expect(resolution).toEqual(NOT_FOUND);
    expect(await here.getContact(organizationId, contactId)).not.toHaveProperty('firstName');
  });

  it('loses only the one that the database refuses, although it looked right', async () => {
    await fixture.database.query({
      text: `ALTER TABLE directory.contact ADD CONSTRAINT refuse_boom CHECK (first_name <> 'Boom')`,
    });
    const batch = (cause: string) =>
      Array.from({ length: 9 }, (_, at) => ({
        email: `${cause}${at}@x.y`,
        create: { cause: `${cause}${at}`, firstName: at === 4 ? 'Boom' : 'Fine' },
      }));
    const resolutions = (
      await Promise.all([resolve(here, ...batch('a')), resolve(here, ...batch('b'))])
    ).flat();
    const lost = resolutions.flatMap((resolution, at) => ('notFound' in resolution ? [at] : []));
    expect(lost).toEqual([4, 13]);
    const outcomes = await here.upsertContacts(
      organizationId,
      batch('c').map(({ email, create: { firstName } }) => ({ email, firstName })),
    );
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(
      outcomes.map((_, at) => (at === 4 ? 'invalid' : 'created')),
    );
    await fixture.database.query({ text: `ALTER TABLE directory.contact DROP CONSTRAINT refuse_boom` });
  });

  it('of nothing asks for nothing', async () => {
    fixture.statements();
    expect(await here.resolve([])).toEqual([]);
    expect((await here.contacts([])).size).toBe(0);
    expect((await here.updateContacts([])).size).toBe(0);
    expect(await here.upsertContacts(organizationId, [])).toEqual([]);
    expect(fixture.statements()).toEqual([]);
  });
});
