import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { uuidv7 } from '@trackline/kernel';
import { Channels, type NewChannel } from '../../src/index.ts';
import { startFixture, type Fixture } from './fixture.ts';

/** Real work on a machine that may be busy with other things. */
jest.setTimeout(30_000);

let fixture: Fixture;
let here: Channels;
let there: Channels;
const secretsKey = randomBytes(32).toString('base64');
beforeAll(async () => {
  fixture = await startFixture();
  here = new Channels(fixture.database, { secretsKey });
  there = new Channels(fixture.database, { secretsKey });
});
afterAll(() => fixture?.close());

let numbers = 106_540_352_242_922;
const terms = (more: Partial<NewChannel> = {}): NewChannel => ({
  phoneNumberId: String((numbers += 1)),
  wabaId: '102290129340398',
  appSecret: 'a-very-secret-app-secret',
  verifyToken: 'told-to-meta-once-only',
  ...more,
});
const newChannel = async (organizationId: string, more: Partial<NewChannel> = {}) =>
  (await here.create(organizationId, terms(more)))!;

describe('channels', () => {
  it('are kept sealed, shown masked, and opened', async () => {
    const organizationId = await fixture.organization();
    const given = terms({ accessToken: 'EAAG-an-access-token-of-meta', displayPhoneNumber: '+1 555' });
    const made = (await here.create(organizationId, given))!;
    expect(made).toMatchObject({
      phoneNumberId: given.phoneNumberId,
      conversionFeedback: false,
      displayPhoneNumber: '+1 555',
      secrets: { appSecret: '…cret', verifyToken: '…only', accessToken: '…meta' },
    });
    expect(await there.get(organizationId, made.id)).toEqual(made);
    expect((await there.open(made.id))?.secrets).toEqual({
      appSecret: given.appSecret,
      verifyToken: given.verifyToken,
      accessToken: given.accessToken,
    });
    const { rows } = await fixture.database.query<{ row: string }>({
      text: 'SELECT c::text AS row FROM directory.channel c WHERE id = $1',
      values: [made.id],
    });
    for (const secret of [given.appSecret, given.verifyToken, given.accessToken!]) {
      expect(rows[0]!.row).not.toContain(secret);
      expect(rows[0]!.row).not.toContain(Buffer.from(secret).toString('hex'));
    }
  });

  it('know each other’s numbers within an organisation, as they stand at each call on every instance', async () => {
    const organizationId = await fixture.organization();
    const one = await newChannel(organizationId);
    expect([...(await there.open(one.id))!.numbers.keys()]).toEqual([one.phoneNumberId]);
    const other = await newChannel(organizationId);
    expect(new Set((await there.open(one.id))!.numbers.keys())).toEqual(
      new Set([one.phoneNumberId, other.phoneNumberId]),
    );
    await here.update(organizationId, one.id, { appSecret: 'another-app-secret' });
    expect((await there.open(one.id))!.secrets.appSecret).toBe('another-app-secret');
    expect(await here.remove(organizationId, other.id)).toBe(true);
    expect([...(await there.open(one.id))!.numbers.keys()]).toEqual([one.phoneNumberId]);
    expect(await there.open(other.id)).toBeUndefined();
    expect(await here.remove(organizationId, other.id)).toBe(false);
  });

  it('are opened from memory with one read of the revision', async () => {
    const { id } = await newChannel(await fixture.organization());
    await here.open(id);
    fixture.statements();
    await here.open(id);
    expect(fixture.statements()).toEqual(['directory.revisions']);
  });

  it('have a number once in their organisation, and in another one too', async () => {
    const organizationId = await fixture.organization();
    const one = await newChannel(organizationId);
    await expect(
      here.create(organizationId, terms({ phoneNumberId: one.phoneNumberId })),
    ).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    const other = await newChannel(organizationId);
    await expect(
      here.update(organizationId, other.id, { phoneNumberId: one.phoneNumberId }),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(
      await newChannel(await fixture.organization(), { phoneNumberId: one.phoneNumberId }),
    ).toBeDefined();
  });

  it.each([
    ['/phoneNumberId', { phoneNumberId: '+1555' }],
    ['/wabaId', { wabaId: '' }],
    ['/appSecret', { appSecret: '' }],
    ['/appSecret', { appSecret: 'x\0' }],
    ['/verifyToken', { verifyToken: ' ' }],
    ['/datasetId', { datasetId: 'a' }],
    ['/displayPhoneNumber', { displayPhoneNumber: '' }],
    ['/datasetId', { conversionFeedback: true, accessToken: 'EAAG-an-access-token-of-meta' }],
    ['/accessToken', { conversionFeedback: true, datasetId: '77' }],
  ])('are not right at %s', async (path, more) => {
    const making = here.create(await fixture.organization(), terms(more));
    await expect(making).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      options: { details: [{ path }] },
    });
  });

  it('lose what is taken away by null', async () => {
    const organizationId = await fixture.organization();
    const more = { accessToken: 'EAAG-an-access-token-of-meta', datasetId: '77' };
    const { id } = await newChannel(organizationId, more);
    const changed = await here.update(organizationId, id, { accessToken: null, datasetId: null });
    expect(changed!.secrets).not.toHaveProperty('accessToken');
    expect(changed).not.toHaveProperty('datasetId');
  });

  it('keep what feedback to Meta needs as long as it is on', async () => {
    const organizationId = await fixture.organization();
    const feedback = {
      accessToken: 'EAAG-an-access-token-of-meta',
      datasetId: '77',
      conversionFeedback: true,
    };
    const { id } = await newChannel(organizationId, feedback);
    for (const field of ['datasetId', 'accessToken'])
      await expect(here.update(organizationId, id, { [field]: null })).rejects.toMatchObject({
        code: 'VALIDATION_FAILED',
        options: { details: [{ path: `/${field}`, message: expect.stringContaining('conversionFeedback') }] },
      });
    const off = await here.update(organizationId, id, { conversionFeedback: false, datasetId: null });
    expect(off).toMatchObject({ conversionFeedback: false });
  });

  it('of organisations or ids that do not exist are missing', async () => {
    expect(await here.create(uuidv7(), terms())).toBeUndefined();
    const { id } = await newChannel(await fixture.organization());
    const elsewhere = await fixture.organization();
    expect(await here.get(elsewhere, id)).toBeUndefined();
    expect(await here.update(elsewhere, id, {})).toBeUndefined();
    expect(await here.remove(elsewhere, id)).toBe(false);
    for (const strange of ['', 'x', '\0', uuidv7()]) expect(await here.open(strange)).toBeUndefined();
  });

  it('are listed newest first', async () => {
    const organizationId = await fixture.organization();
    const ids = [];
    for (let at = 0; at < 3; at += 1) ids.unshift((await newChannel(organizationId)).id);
    const first = await here.list(organizationId, { limit: 2 });
    const second = await here.list(organizationId, { limit: 2, cursor: first.nextCursor! });
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids);
  });

  it('do not open with another key, and can be listed and given new secrets all the same', async () => {
    const organizationId = await fixture.organization();
    const { id } = await newChannel(organizationId);
    const changed = new Channels(fixture.database, { secretsKey: randomBytes(32).toString('base64') });
    await expect(changed.open(id)).rejects.toThrow('SECRETS_KEY');
    expect((await changed.get(organizationId, id))!.secrets).toBeNull();
    await changed.update(organizationId, id, { appSecret: 'new', verifyToken: 'new' });
    expect((await changed.open(id))!.secrets.appSecret).toBe('new');
    await expect(new Channels(fixture.database).create(organizationId, terms())).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
  });
});
