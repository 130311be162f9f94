import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '@trackline/testkit';
import { ConnectorsRig, type Tenant } from '../connectors-rig.ts';
import { MailServer } from '../mail-server.ts';
import type { RunningConnectors } from '../../src/start-connectors.ts';

jest.setTimeout(120_000);

let rig: ConnectorsRig;
let service: RunningConnectors;
let installation: MailServer;
let own: MailServer;
let tenant: Tenant;

beforeAll(async () => {
  [rig, installation, own] = await Promise.all([
    ConnectorsRig.open(),
    MailServer.open(),
    MailServer.open({
      authMethods: ['PLAIN', 'LOGIN'],
      // The test server speaks no TLS.
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, done) =>
        username === 'shop' && password === 'geheim@1'
          ? done(null, { user: username })
          : done(new Error('Invalid username or password')),
    }),
  ]);
  service = await rig.start({
    SMTP_URL: `smtp://${installation.address}`,
    SMTP_FROM: 'Trackline <no-reply@trackline.example>',
  });
  tenant = await rig.tenant(service);
}, 60_000);
afterAll(async () => {
  await rig.close();
  await Promise.all([installation.close(), own.close()]);
});

const mailTo = (of: Tenant, more: object = {}) =>
  of.action('email', { to: 'zoe@example.com', subject: 'Grüße', text: 'Hi Zoë', ...more });

const sent = async (action: ReturnType<typeof mailTo>) => {
  await rig.request(action);
  return rig.completion(action);
};

describe('a mail', () => {
  it('goes by the server of the installation when its organisation has none', async () => {
    const completed = await sent(mailTo(tenant, { html: '<p>Hi</p>', replyTo: 'help@shop.example' }));
    expect(completed).toMatchObject({ status: 'delivered', attempts: 1 });
    const mail = installation.mails.at(-1)!;
    expect(mail).toMatchObject({ from: 'no-reply@trackline.example', to: ['zoe@example.com'] });
    expect(mail.text).toContain(`Message-ID: ${completed.providerMessageId}`);
    expect(mail.text).toMatch(/From: Trackline <no-reply@trackline\.example>/);
    expect(mail.text).toMatch(/Reply-To: help@shop\.example/);
    expect(mail.text).toMatch(/Content-Type: multipart\/alternative/);
    expect(mail.text).toMatch(/Subject: =\?UTF-8\?/);
    expect((await tenant.call('GET', '/v1/connectors/email')).json).toEqual({
      kind: 'email',
      configured: false,
      via: 'smtp',
      settings: {},
    });
  });

  it('has the same Message-ID at every attempt', async () => {
    installation.refuseNext(451, 'Try again later');
    const completed = await sent(mailTo(tenant));
    expect(completed).toMatchObject({ status: 'delivered', attempts: 2 });
    expect(completed.providerMessageId).toMatch(/^<[0-9a-f]{40}@trackline\.example>$/);
  });

  it('that is refused for good is given up', async () => {
    installation.refuseNext(550, 'No such user here');
    const action = mailTo(tenant);
    expect(await sent(action)).toMatchObject({
      status: 'failed',
      attempts: 1,
      detail: { reason: 'refused', status: 550, message: expect.stringContaining('No such user') },
    });
    await eventually(() => rig.letterOf(action));
  });

  it('goes to one recipient, whatever is written into the address, and into no other header', async () => {
    const before = installation.mails.length;
    await sent(mailTo(tenant, { to: 'a@example.com, b@example.com' }));
    await sent(mailTo(tenant, { to: 'a@example.com\r\nBcc: b@example.com' }));
    await sent(mailTo(tenant, { subject: 'x\r\nBcc: b@example.com' }));
    for (const { to, text } of installation.mails.slice(before)) {
      expect(to).not.toContain('b@example.com');
      expect(text).not.toMatch(/^Bcc:/im);
    }
  });

  it('goes by the server of its organisation once that is given', async () => {
    const other = await rig.tenant(service);
    const put = await other.call('PUT', '/v1/connectors/email', {
      body: { smtpUrl: `smtp://shop:geheim%401@${own.address}`, from: 'Shop <shop@shop.example>' },
    });
    expect(put).toMatchObject({
      status: 200,
      json: {
        configured: true,
        via: 'smtp',
        settings: { smtpUrl: `smtp://shop:***@${own.address}`, from: 'Shop <shop@shop.example>' },
      },
    });
    expect(await sent(mailTo(other))).toMatchObject({ status: 'delivered' });
    expect(own.mails.at(-1)).toMatchObject({ from: 'shop@shop.example' });
    expect(await sent(mailTo(other, { from: 'Zoë <zoe@shop.example>' }))).toMatchObject({
      status: 'delivered',
    });
    expect(own.mails.at(-1)).toMatchObject({ from: 'zoe@shop.example' });
  });

  it('waits for a password that is mended', async () => {
    const other = await rig.tenant(service);
    const give = (password: string) =>
      other.call('PUT', '/v1/connectors/email', {
        body: { smtpUrl: `smtp://shop:${password}@${own.address}`, from: 'shop@shop.example' },
      });
    await give('wrong');
    const action = mailTo(other);
    await rig.request(action);
    await eventually(async () => {
      const { detail } = await rig.delivery(other, action);
      return (detail as { reason?: string } | undefined)?.reason === 'credentials';
    });
    await give('geheim%401');
    expect(await rig.completion(action)).toMatchObject({ status: 'delivered' });
  });

  it('is not sent by a server at an address that is not called', async () => {
    const other = await rig.tenant(service);
    for (const host of ['127.0.0.2', '10.0.0.1', '169.254.169.254', '[::1]']) {
      const smtpUrl = `smtp://${host}:25`;
      await other.call('PUT', '/v1/connectors/email', { body: { smtpUrl, from: 'a@b.example' } });
      expect(await sent(mailTo(other))).toMatchObject({
        status: 'failed',
        detail: { reason: 'address_refused' },
      });
    }
  });

  it('waits for a server that says nothing no longer than for any other', async () => {
    const silent: Server = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const quick = await rig.start({ DELIVERY_TIMEOUT_MS: '500', DELIVERY_ATTEMPTS: '2' });
    await rig.stop(service);
    service = quick;
    const other = await rig.tenant(quick);
    const { port } = silent.address() as { port: number };
    await other.call('PUT', '/v1/connectors/email', {
      body: { smtpUrl: `smtp://127.0.0.1:${port}`, from: 'a@b.example' },
    });
    expect(await sent(mailTo(other))).toMatchObject({
      status: 'failed',
      attempts: 2,
      detail: { reason: 'unreachable', code: 'ETIMEDOUT' },
    });
    silent.close();
  }, 30_000);
});
