import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { uuidv7 } from '@trackline/kernel';
import {
  Directory,
  migrateDirectory,
  pendingDirectoryMigrations,
  type Authenticated,
} from '../../src/index.ts';
import { startFixture, type Fixture } from './fixture.ts';

/** Real work on a machine that may be busy with other things. */
jest.setTimeout(30_000);

let fixture: Fixture;
let here: Directory;
let there: Directory;

beforeAll(async () => {
  fixture = await startFixture();
  ({ here, there } = fixture);
});
afterAll(() => fixture?.close());

const newKey = async (organizationId: string, more = {}) =>
  (await here.createKey(organizationId, { name: 'test', ...more }))!;

describe('organisations', () => {
  it('are made with the limits of their plan, and found', async () => {
    const made = await here.createOrganization({ name: 'Example', plan: 'growth' });
    expect(made).toMatchObject({
      plan: 'growth',
      monthlyLimit: 250_000,
      hardCap: 312_500,
      requestsPerMinute: 10_000,
      burst: 2_500,
      version: 1,
      settings: { attributionWindowHours: 168, orderEventNames: ['order'] },
    });
    expect((await there.organizations([made.id])).get(made.id)).toEqual(made);
  });

  it('with an id of the caller are made once, whoever comes first', async () => {
    const id = uuidv7();
    const made = await Promise.all(
      [here, there, here].map((directory, at) =>
        directory.createOrganization({ id, name: `name ${at}`, plan: 'starter' }),
      ),
    );
    expect(new Set(made.map(({ name }) => name)).size).toBe(1);
  });

  it('that do not exist are missing, however their id is formed', async () => {
    const id = await fixture.organization();
    const strange = ['', 'x', '\0', '\ud800', id.toUpperCase(), `${id} `, '__proto__', uuidv7()];
    expect([...(await here.organizations([...strange, id, id])).keys()]).toEqual([id]);
    expect(await here.updateOrganization('x', { name: 'y' })).toBeUndefined();
    expect(await here.updateOrganization(uuidv7(), { name: 'y' })).toBeUndefined();
  });

  it('a change is known to the next call on every instance, and moves the version', async () => {
    const id = await fixture.organization();
    await Promise.all([here.organizations([id]), there.organizations([id])]);
    for (let limit = 1; limit <= 20; limit++) {
      await there.updateOrganization(id, { plan: 'custom', monthlyLimit: limit });
      const [seenHere, seenThere] = await Promise.all([here.organizations([id]), there.organizations([id])]);
      expect(seenHere.get(id)).toMatchObject({ monthlyLimit: limit, version: limit + 1 });
      expect(seenThere.get(id)).toEqual(seenHere.get(id));
    }
  });

  it('changes that are made at once all count', async () => {
    const id = await fixture.organization();
    await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        [here, there][at % 2]!.updateOrganization(id, { name: `name ${at}` }),
      ),
    );
    expect((await here.organizations([id])).get(id)!.version).toBe(11);
  });

  it('terms that make no sense are refused, with the field that is wrong', async () => {
    const id = await fixture.organization();
    await expect(here.updateOrganization(id, { plan: 'custom' })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      options: { details: [{ path: '/monthlyLimit' }] },
    });
    await expect(here.createOrganization({ name: 'a\0b', plan: 'starter' })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
    });
    await expect(here.createOrganization({ id: 'demo', name: 'a', plan: 'starter' })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
    });
  });

  it('are listed newest first, page by page, each once', async () => {
    const made: string[] = [];
    for (let at = 0; at < 5; at++) made.unshift(await fixture.organization());
    const listed: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await here.listOrganizations({ limit: 2, ...(cursor ? { cursor } : {}) });
      expect(page.items.length).toBeLessThanOrEqual(2);
      listed.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor ?? undefined;
    } while (cursor);
    expect(listed.slice(0, 5)).toEqual(made);
    expect(new Set(listed).size).toBe(listed.length);
    await expect(here.listOrganizations({ cursor: 'nonsense' })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
  });
});

describe('keys', () => {
  it('open their organisation, are stored as a hash and listed without themselves', async () => {
    const id = await fixture.organization();
    const { key, apiKey } = await newKey(id, { scopes: ['read'] });
    expect(key).toMatch(/^tl_live_[\w-]{43}$/);
    expect(await there.authenticate(key)).toMatchObject({
      organization: { id },
      keyId: apiKey.id,
      scopes: ['read'],
    });
    const { items } = await here.listKeys(id);
    expect(items).toEqual([apiKey]);
    expect(key.startsWith(items[0]!.prefix)).toBe(true);
    const { rows } = await fixture.database.query({ text: `SELECT k::text AS row FROM directory.api_key k` });
    expect(JSON.stringify(rows)).not.toContain(key.slice(12));
  });

  it('have all three scopes when none is said', async () => {
    const { key } = await newKey(await fixture.organization());
    expect(await here.authenticate(key)).toMatchObject({ scopes: ['events:write', 'read', 'manage'] });
  });

  it('that nobody has are unknown; what cannot be a key is not even looked up', async () => {
    fixture.statements();
    for (const bearer of [
      '',
      'x',
      'tl_live_',
      'tl_live_short',
      `tl_live_${'\0'.repeat(43)}`,
      `tl_live_${'a'.repeat(500)}`,
    ]) {
      expect(await here.authenticate(bearer)).toEqual({ refused: 'unknown' });
    }
    expect(fixture.statements()).toEqual([]);
    expect(await here.authenticate(`tl_live_${'a'.repeat(43)}`)).toEqual({ refused: 'unknown' });
  });

  it('are refused from the next request on once revoked, on every instance', async () => {
    const id = await fixture.organization();
    for (let round = 0; round < 10; round++) {
      const { key, apiKey } = await newKey(id);
      expect(await Promise.all([here.authenticate(key), there.authenticate(key)])).toMatchObject([
        { keyId: apiKey.id },
        { keyId: apiKey.id },
      ]);
      expect(await there.revokeKey(id, apiKey.id)).toBe(true);
      expect(await Promise.all([here.authenticate(key), there.authenticate(key)])).toEqual([
        { refused: 'revoked' },
        { refused: 'revoked' },
      ]);
      expect(await here.revokeKey(id, apiKey.id)).toBe(true);
    }
  });

  it('are revoked by their own organisation only', async () => {
    const [mine, other] = [await fixture.organization(), await fixture.organization()];
    const { key, apiKey } = await newKey(mine);
    expect(await here.revokeKey(other, apiKey.id)).toBe(false);
    expect(await here.revokeKey(mine, 'x')).toBe(false);
    expect(await here.revokeKey(mine, uuidv7())).toBe(false);
    expect(await here.authenticate(key)).toHaveProperty('organization');
  });

  it('end at their expiry, also in the cache', async () => {
    let nowMs = Date.now();
    const directory = new Directory(fixture.database, { clock: { now: () => nowMs } });
    const { key } = await newKey(await fixture.organization(), { expiresAt: new Date(nowMs + 1_000) });
    expect(await directory.authenticate(key)).toHaveProperty('organization');
    nowMs += 999;
    expect(await directory.authenticate(key)).toHaveProperty('organization');
    nowMs += 1;
    expect(await directory.authenticate(key)).toEqual({ refused: 'expired' });
  });

  it('see the plan of the moment', async () => {
    const id = await fixture.organization();
    const { key } = await newKey(id);
    await here.authenticate(key);
    await there.updateOrganization(id, { plan: 'scale' });
    expect(await here.authenticate(key)).toMatchObject({ organization: { plan: 'scale' } });
  });

  it('are not made for nobody, nor with nonsense', async () => {
    expect(await here.createKey(uuidv7(), { name: 'x' })).toBeUndefined();
    expect(await here.createKey('x', { name: 'x' })).toBeUndefined();
    const id = await fixture.organization();
    for (const wrong of [
      { name: '' },
      { name: '\0' },
      { name: 'x', scopes: [] },
      { name: 'x', expiresAt: new Date(Number.NaN) },
    ]) {
      await expect(here.createKey(id, wrong)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    }
  });
});

describe('reads', () => {
  it('of a key that is in the cache: one version read, shared by all who come at once', async () => {
    const { key } = await newKey(await fixture.organization());
    await here.authenticate(key);
    fixture.statements();
    await Promise.all(Array.from({ length: 50 }, () => here.authenticate(key)));
    expect(fixture.statements()).toEqual(['directory.revisions']);
  });

  it('of 300 organisations: one version read, and one more for those that are new', async () => {
    const ids = await Promise.all(Array.from({ length: 300 }, () => fixture.organization()));
    await here.organizations(ids);
    fixture.statements();
    expect((await here.organizations(ids)).size).toBe(300);
    expect(fixture.statements()).toEqual(['directory.revisions']);
  });

  it('after the authentication of the same request: none', async () => {
    const { key } = await newKey(await fixture.organization());
    await here.authenticate(key);
    const { organization, asOf } = (await here.authenticate(key)) as Authenticated;
    await here.resolve([
      { organizationId: organization.id, email: 'ada@example.com', create: { cause: uuidv7() } },
    ]);
    await here.resolve([{ organizationId: organization.id, email: 'ada@example.com' }]);
    fixture.statements();
    await here.organizations([organization.id], { asOf });
    await here.resolve([{ organizationId: organization.id, email: 'ada@example.com' }], { asOf });
    expect(fixture.statements()).toEqual([]);
  });
});

describe('the schema', () => {
  it('is complete after the migration, which may run again', async () => {
    expect(await pendingDirectoryMigrations(fixture.database)).toEqual([]);
    const { rows } = await fixture.database.query<{ name: string }>({
      text: 'SELECT current_database() AS name',
    });
    const url = new URL(process.env.DATABASE_URL!);
    url.pathname = `/${rows[0]!.name}`;
    expect(await migrateDirectory(url.toString())).toMatchObject({ applied: [] });
  });
});
