import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Connectors } from '../../src/index.ts';
import { startFixture, type Fixture } from './fixture.ts';

jest.setTimeout(120_000);

const SECRETS_KEY = randomBytes(32).toString('base64');
const TOKEN = 'EAAG-a-very-secret-token';
let fixture: Fixture;
let connectors: Connectors;
let organizationId: string;

beforeAll(async () => {
  fixture = await startFixture();
  connectors = new Connectors(fixture.database, { secretsKey: SECRETS_KEY });
});
afterAll(() => fixture.close());

const stored = async (): Promise<string> => {
  const { rows } = await fixture.database.query<{ all: string }>({
    text: `SELECT string_agg(encode(sealed, 'escape') || shown::text, '') AS all FROM directory.connector`,
  });
  return rows[0]!.all;
};

describe('connectors of an organisation', () => {
  it('are sealed where they lie, masked where they are shown, and open for those who send', async () => {
    organizationId = await fixture.organization();
    await connectors.put(organizationId, 'whatsapp', {
      phoneNumberId: '106540352242922',
      accessToken: TOKEN,
    });
    const smtpUrl = 'smtp://me:pass-of-mine@mail.example:587';
    await connectors.put(organizationId, 'email', { smtpUrl, from: 'Shop <shop@example.com>' });
    expect(await stored()).not.toMatch(/secret-token|pass-of-mine/);
    expect((await connectors.shown(organizationId, 'whatsapp'))?.shown).toEqual({
      phoneNumberId: '106540352242922',
      accessToken: '…oken',
    });
    expect((await connectors.shown(organizationId, 'email'))?.shown).toEqual({
      smtpUrl: 'smtp://me:***@mail.example:587',
      from: 'Shop <shop@example.com>',
    });
    const found = await connectors.credentials([
      { organizationId, kind: 'whatsapp' },
      { organizationId, kind: 'email' },
      { organizationId, kind: 'webhook' },
    ]);
    expect(found.get(`${organizationId}/whatsapp`)).toEqual({
      credentials: { phoneNumberId: '106540352242922', accessToken: TOKEN },
    });
    expect(found.get(`${organizationId}/email`)).toEqual({
      credentials: { smtpUrl, from: 'Shop <shop@example.com>' },
    });
    expect(found.size).toBe(2);
  });

  it('can be removed', async () => {
    expect(await connectors.remove(organizationId, 'email')).toBe(true);
    expect(await connectors.remove(organizationId, 'email')).toBe(false);
    expect(await connectors.shown(organizationId, 'email')).toBeUndefined();
  });

  it('give a webhook secret once; the one before goes on for a day', async () => {
    const rotations = await Promise.all([1, 2].map(() => connectors.rotateWebhookSecret(organizationId)));
    const latest = await connectors.rotateWebhookSecret(organizationId);
    expect(latest).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const found = (await connectors.credentials([{ organizationId, kind: 'webhook' }])).get(
      `${organizationId}/webhook`,
    );
    expect(found).toEqual({
      credentials: {
        secret: latest,
        previous: { secret: expect.any(String), untilMs: expect.any(Number) },
      },
    });
    const { previous } = (found as { credentials: { previous: { secret: string } } }).credentials;
    expect(rotations).toContain(previous.secret);
    expect((await connectors.shown(organizationId, 'webhook'))?.shown).toEqual({
      secret: `whsec_…${latest.slice(-4)}`,
    });
  });

  it('cannot be kept without a key, and say so; what was kept is told to be unreadable', async () => {
    const keyless = new Connectors(fixture.database);
    const given = { phoneNumberId: '1', accessToken: 'x' };
    await expect(keyless.put(organizationId, 'whatsapp', given)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('SECRETS_KEY'),
    });
    await expect(keyless.rotateWebhookSecret(organizationId)).rejects.toThrow('SECRETS_KEY');
    const other = new Connectors(fixture.database, { secretsKey: randomBytes(32).toString('base64') });
    for (const one of [keyless, other]) {
      const found = await one.credentials([{ organizationId, kind: 'whatsapp' }]);
      expect(found.get(`${organizationId}/whatsapp`)).toEqual({
        unreadable: expect.stringContaining('SECRETS_KEY'),
      });
    }
  });

  it.each([
    ['email', { smtpUrl: 'http://a.example', from: 'a@b.example' }, '/smtpUrl'],
    ['email', { smtpUrl: 'smtp://a.example', from: 'nobody' }, '/from'],
    ['email', { smtpUrl: 'smtp://a.example', from: 'a@b.example\r\nBcc: c@d.example' }, '/from'],
    ['whatsapp', { phoneNumberId: '../me', accessToken: 'x' }, '/phoneNumberId'],
    ['whatsapp', { phoneNumberId: '1', accessToken: 'x\r\ny' }, '/accessToken'],
    ['whatsapp', {}, '/phoneNumberId'],
  ] as const)('%s %j is refused at %s', async (kind, given, path) => {
    await expect(connectors.put(organizationId, kind, given)).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      options: { details: expect.arrayContaining([expect.objectContaining({ path })]) },
    });
  });
});
