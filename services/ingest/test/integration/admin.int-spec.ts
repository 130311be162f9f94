import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { uniqueName } from '@trackline/testkit';
import { ADMIN_TOKEN, startHarness, type Harness } from './harness.ts';

let door: Harness;
beforeAll(async () => {
  door = await startHarness();
}, 60_000);
afterAll(() => door?.stop(), 60_000);

const admin = (method: string, path: string, body?: unknown) =>
  door.call(method, `/v1/admin/organizations${path}`, {
    key: ADMIN_TOKEN,
    ...(body !== undefined && { body }),
  });
const create = async (body: object) => (await admin('POST', '', { name: uniqueName('org'), ...body })).json;

describe('organisations', () => {
  it('have the limits of their plan', async () => {
    expect(await create({ name: 'Example', plan: 'growth' })).toEqual({
      id: expect.any(String),
      name: 'Example',
      plan: 'growth',
      monthlyLimit: 250_000,
      hardCap: 312_500,
      requestsPerMinute: 10_000,
      burst: 2_500,
      settings: {
        attributionWindowHours: 168,
        attributionModel: 'last_touch',
        orderEventNames: ['order'],
        leadEventNames: ['lead'],
        defaultCurrency: null,
      },
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    expect(await create({ plan: 'enterprise' })).toMatchObject({
      monthlyLimit: null,
      hardCap: null,
      requestsPerMinute: null,
    });
    expect(await create({ plan: 'custom', monthlyLimit: 10, requestsPerMinute: 7 })).toMatchObject({
      monthlyLimit: 10,
      hardCap: 12,
      requestsPerMinute: 7,
    });
  });

  it('are found, listed newest first, and changed', async () => {
    const made = await create({ plan: 'starter' });
    expect((await admin('GET', `/${made.id}`)).json).toEqual(made);
    const { items, nextCursor } = (await admin('GET', '?limit=1')).json;
    expect([items, typeof nextCursor]).toEqual([[made], 'string']);
    const second = (await admin('GET', `?limit=1&cursor=${nextCursor}`)).json;
    expect(second.items[0].id).not.toBe(made.id);
    const patched = await admin('PATCH', `/${made.id}`, {
      plan: 'scale',
      settings: { defaultCurrency: 'EUR' },
    });
    expect(patched.json).toMatchObject({
      plan: 'scale',
      monthlyLimit: 1_000_000,
      settings: { defaultCurrency: 'EUR', attributionWindowHours: 168 },
    });
  });

  it.each([
    ['no name', { plan: 'starter' }, { name: undefined }],
    ['an unknown plan', { plan: 'gold' }, {}],
    ['plan custom without a limit', { plan: 'custom' }, {}],
    ['a limit on another plan', { plan: 'starter', monthlyLimit: 5 }, {}],
    ['a limit below one', { plan: 'custom', monthlyLimit: 0 }, {}],
    ['a limit that is no whole number', { plan: 'custom', monthlyLimit: 1.5 }, {}],
    ['an unknown setting', { plan: 'starter', settings: { colour: 'red' } }, {}],
    ['a setting of the wrong kind', { plan: 'starter', settings: { attributionModel: 'best' } }, {}],
    ['a NUL in the name', { plan: 'starter' }, { name: 'a\0' }],
  ])('are refused with %s', async (_, body, more) => {
    const answer = await admin('POST', '', { name: 'x', ...body, ...more });
    expect([answer.status, answer.json]).toMatchObject([
      422,
      { code: 'VALIDATION_FAILED', details: expect.any(Array) },
    ]);
  });

  it.each(['nobody', '019a0000-0000-7000-8000-000000000000'])(
    'that do not exist are 404 (%s)',
    async (id) => {
      const asked = [
        admin('GET', `/${id}`),
        admin('PATCH', `/${id}`, { plan: 'scale' }),
        admin('GET', `/${id}/keys`),
        admin('POST', `/${id}/keys`, { name: 'x' }),
        admin('DELETE', `/${id}/keys/${id}`),
      ];
      for (const answer of await Promise.all(asked))
        expect([answer.status, answer.json.code]).toEqual([404, 'NOT_FOUND']);
    },
  );
});

describe('keys', () => {
  it('are shown once, listed without themselves, and in force until they are revoked', async () => {
    const { id } = await create({ plan: 'enterprise' });
    const made = (await admin('POST', `/${id}/keys`, { name: 'checkout' })).json;
    expect(made).toMatchObject({
      name: 'checkout',
      key: expect.stringMatching(/^tl_live_/),
      scopes: ['events:write', 'read', 'manage'],
      expiresAt: null,
      revokedAt: null,
    });
    const listed = (await admin('GET', `/${id}/keys`)).json.items;
    expect(listed).toHaveLength(1);
    expect(listed[0]).not.toHaveProperty('key');
    expect(made.key.startsWith(listed[0].prefix)).toBe(true);

    const use = () => door.call('GET', '/v1/contacts', { key: made.key });
    expect((await use()).status).toBe(200);
    expect((await admin('DELETE', `/${id}/keys/${made.id}`)).json).toEqual({ success: true, id: made.id });
    expect((await use()).status).toBe(401);
    expect((await admin('DELETE', `/${id}/keys/${made.id}`)).status).toBe(200);
  });

  it('expire, and may do no more than their scopes', async () => {
    const { id } = await create({ plan: 'enterprise' });
    const key = async (body: object) =>
      (await admin('POST', `/${id}/keys`, { name: 'k', ...body })).json.key as string;
    const expired = await key({ expiresAt: '2020-01-01T00:00:00Z' });
    const reader = await key({ scopes: ['read'], expiresAt: '2100-01-01T00:00:00Z' });
    const statuses = await Promise.all(
      [
        ['GET', expired],
        ['GET', reader],
        ['POST', reader],
      ].map(async ([method, bearer]) => {
        const answer = await door.call(method!, '/v1/contacts', {
          key: bearer!,
          ...(method === 'POST' && { body: {} }),
        });
        return [answer.status, answer.json.code];
      }),
    );
    expect(statuses).toEqual([
      [401, 'UNAUTHORIZED'],
      [200, undefined],
      [403, 'FORBIDDEN'],
    ]);
  });

  it.each([
    ['no name', {}],
    ['an unknown scope', { name: 'k', scopes: ['all'] }],
    ['no scope at all', { name: 'k', scopes: [] }],
    ['an expiry that is no moment', { name: 'k', expiresAt: 'soon' }],
  ])('are refused with %s', async (_, body) => {
    const { id } = await create({ plan: 'enterprise' });
    expect((await admin('POST', `/${id}/keys`, body)).status).toBe(422);
  });
});

describe('the admin token', () => {
  it('is needed on every admin route, and is no key of an organisation', async () => {
    const org = await door.organization();
    const ask = (key?: string) => door.call('GET', '/v1/admin/organizations', { ...(key && { key }) });
    expect([(await ask()).status, (await ask('wrong')).status, (await ask(org.key)).status]).toEqual([
      401, 401, 403,
    ]);
    expect((await door.call('GET', '/v1/contacts', { key: ADMIN_TOKEN })).status).toBe(401);
  });
});
