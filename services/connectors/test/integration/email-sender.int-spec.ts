import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { EmailRequest, RequestedAction } from '@trackline/contracts';
import { eventually } from '@trackline/testkit';
import { emailSender } from '../../src/adapters/smtp/email-sender.ts';
import type { ClaimedDelivery } from '../../src/domain/delivery.ts';
import { MailServer } from '../mail-server.ts';

jest.setTimeout(30_000);

const LOOPBACK = { address: '127.0.0.1', family: 4 } as const;
const FROM = 'Trackline <no-reply@trackline.example>';
let server: MailServer;

beforeEach(async () => {
  server = await MailServer.open();
});
afterEach(() => server.close());

const senderOf = (more: Partial<Parameters<typeof emailSender>[0]> = {}) =>
  emailSender({
    smtpUrl: `smtp://${server.address}`,
    from: FROM,
    resolve: () => Promise.resolve([LOOPBACK]),
    timeoutMs: 10_000,
    ...more,
  });

const mail = (more: Partial<EmailRequest> = {}): ClaimedDelivery => ({
  action: {
    id: 'execution/step/0',
    kind: 'email',
    request: { to: 'zoe@example.com', subject: 'Hi', text: 'Hi Zoë', ...more },
  } as RequestedAction,
  destination: 'smtp',
  source: { partition: 0, offset: 0 },
  lease: 'lease',
  leaseEndsAtMs: Number.POSITIVE_INFINITY,
  attempts: 1,
  ageMs: 0,
});

const own = () =>
  ({ kind: 'email', smtpUrl: `smtp://${server.address}`, from: 'shop@shop.example' }) as const;

describe('a mail', () => {
  it('names its action, so that what comes back of it finds its way', async () => {
    expect(await senderOf()(mail(), undefined)).toMatchObject({ kind: 'delivered' });
    expect(server.mails[0]!.text).toMatch(/^X-Trackline-Action: execution\/step\/0\r$/m);
  });

  it('by the server of the installation comes from the installation, whoever the workflow names', async () => {
    await senderOf()(mail({ from: 'Bank <service@bank.example>' }), undefined);
    expect(server.mails[0]).toMatchObject({ from: 'no-reply@trackline.example' });
    expect(server.mails[0]!.text).not.toContain('bank.example');
  });

  it('by the server of its organisation comes from whom the workflow names', async () => {
    const send = senderOf();
    await send(mail({ from: 'Zoë <zoe@shop.example>' }), own());
    await send(mail(), own());
    expect(server.mails.map(({ from }) => from)).toEqual(['zoe@shop.example', 'shop@shop.example']);
  });
});

describe('an attempt that takes too long', () => {
  const late = { kind: 'not_now', reason: 'unreachable', detail: { code: 'ETIMEDOUT' } };

  it('is over: what the server says later moves nothing any more', async () => {
    let goOn: () => void = () => undefined;
    let isClosed = false;
    await server.close();
    server = await MailServer.open({
      authOptional: true,
      // In two steps, so that no step is as long as the whole may be.
      onMailFrom: (_address, _session, done) => void setTimeout(done, 600),
      onRcptTo: (_address, _session, done) => void (goOn = done),
      onClose: () => void (isClosed = true),
    });
    expect(await senderOf({ timeoutMs: 1_000 })(mail(), undefined)).toMatchObject(late);
    goOn();
    await eventually(() => isClosed);
    expect(server.mails).toEqual([]);
  });

  it('is over when no address is found in time, too', async () => {
    const send = senderOf({ timeoutMs: 200, resolve: () => new Promise(() => undefined) });
    expect(await send(mail(), own())).toMatchObject(late);
    expect(server.mails).toEqual([]);
  }, 5_000);
});
