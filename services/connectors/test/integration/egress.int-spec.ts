import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '@trackline/testkit';
import type { Lookup } from '../../src/adapters/network/resolve-allowed.ts';
import { ConnectorsRig, type Tenant } from '../connectors-rig.ts';
import { Receiver } from '../receiver.ts';

jest.setTimeout(120_000);

/** Networks are named one by one: 127.0.0.2 may be called, 127.0.0.1 may not. Receivers listen on both. */
const ALLOWED = '127.0.0.2';
const FORBIDDEN = '127.0.0.1';
let rig: ConnectorsRig;
let tenant: Tenant;
let receiver: Receiver;
let secret: Receiver;
/** What DNS answers, in turn; the last for all that come after. */
let answers: string[][] = [];
let asked: string[] = [];

const lookup: Lookup = async (name) => {
  asked.push(name);
  const now = answers.length > 1 ? answers.shift()! : answers[0]!;
  if (now.length === 0) throw Object.assign(new Error(`queryA ENOTFOUND ${name}`), { code: 'ENOTFOUND' });
  return now.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
};

beforeAll(async () => {
  rig = await ConnectorsRig.open();
  const service = await rig.start(
    { CONNECTORS_ALLOWED_PRIVATE: `${ALLOWED}/32`, DELIVERY_TIMEOUT_MS: '3000' },
    { lookup },
  );
  tenant = await rig.tenant(service);
}, 60_000);
afterAll(() => rig.close());
beforeEach(async () => {
  [receiver, secret] = await Promise.all([Receiver.open('0.0.0.0'), Receiver.open('0.0.0.0')]);
  receiver.answer((_, response) => response.setHeader('connection', 'close').end());
  answers = [[ALLOWED]];
  asked = [];
});
afterEach(() => Promise.all([receiver.close(), secret.close()]));

const deliver = async (url: string, more = {}) => {
  const action = tenant.webhook(url, more);
  await rig.request(action);
  return rig.completion(action);
};
const redirectTo = (location: string, status = 307) =>
  receiver.answer((_, response) => response.writeHead(status, { location, connection: 'close' }).end());

describe('what is called', () => {
  it('is an address that is allowed, by its name', async () => {
    expect(await deliver(`http://hooks.example:${receiver.port}/`)).toMatchObject({ status: 'delivered' });
    expect(receiver.received[0]!.headers.host).toBe(`hooks.example:${receiver.port}`);
    // Once for the connection, and never between looking at the address and calling it.
    expect(asked).toEqual(['hooks.example']);
  });

  it.each([
    ['127.0.0.1'],
    ['127.1'],
    ['2130706433'],
    ['0x7f.1'],
    ['0.0.0.0'],
    ['[::1]'],
    ['[::]'],
    ['[::ffff:127.0.0.1]'],
    ['[::ffff:127.0.0.2]'],
    ['localhost'],
    ['a.localhost'],
  ])('is not %s', async (host) => {
    const completed = await deliver(`http://${host}:${secret.port}/`);
    expect(completed).toMatchObject({
      status: 'failed',
      attempts: 1,
      detail: { reason: 'address_refused' },
    });
    expect(secret.received).toEqual([]);
    const letter = await eventually(() => rig.letterOf(completed));
    expect(letter.headers['dlq-reason']!.toString()).toBe('address_refused');
  });

  it.each([
    ['a private one', [['10.0.0.1']]],
    ['the metadata of a cloud', [['169.254.169.254']]],
    ['one private one among others', [[ALLOWED, FORBIDDEN]]],
    ['a mapped one', [['::ffff:127.0.0.2']]],
    ['a unique local one', [['fd00::1']]],
  ])('is no name that means %s', async (_, meant) => {
    answers = meant;
    expect(await deliver(`http://evil.example:${secret.port}/`)).toMatchObject({
      status: 'failed',
      detail: { reason: 'address_refused', host: `evil.example:${secret.port}` },
    });
    expect(secret.received).toEqual([]);
  });

  it('is never what a name has come to mean since it was looked at', async () => {
    answers = [[ALLOWED], [FORBIDDEN]];
    receiver.answer((_, response) => response.writeHead(503, { connection: 'close' }).end());
    const completed = await deliver(`http://rebinding.example:${receiver.port}/`);
    // The first attempt reached the address that was looked at; the second met the new answer, and was refused.
    expect(receiver.received).toHaveLength(1);
    expect(completed).toMatchObject({ attempts: 2, detail: { reason: 'address_refused' } });
  });

  it('is a name that DNS did not know before', async () => {
    answers = [[], [ALLOWED]];
    expect(await deliver(`http://new.example:${receiver.port}/`)).toMatchObject({
      status: 'delivered',
      attempts: 2,
    });
  });
});

describe('a redirect', () => {
  it('is followed with method, body and signature', async () => {
    answers = [[ALLOWED]];
    redirectTo(`http://other.example:${secret.port}/there`, 308);
    expect(await deliver(`http://hooks.example:${receiver.port}/`)).toMatchObject({ status: 'delivered' });
    expect(secret.received).toMatchObject([
      { method: 'POST', path: '/there', body: '{"a":1}', headers: { 'webhook-id': expect.any(String) } },
    ]);
  });

  it.each([
    ['http://127.0.0.1:PORT/'],
    ['http://[::1]:PORT/'],
    ['http://0x7f000001:PORT/'],
    ['http://localhost:PORT/'],
    ['//127.0.0.1:PORT/'],
  ])('to %s is refused', async (location) => {
    redirectTo(location.replace('PORT', String(secret.port)));
    expect(await deliver(`http://${ALLOWED}:${receiver.port}/`)).toMatchObject({
      status: 'failed',
      attempts: 1,
      detail: { reason: 'address_refused' },
    });
    expect(receiver.received).toHaveLength(1);
    expect(secret.received).toEqual([]);
  });

  it('to a name that means 127.0.0.1 is refused', async () => {
    answers = [[ALLOWED], [FORBIDDEN]];
    redirectTo(`http://inside.example:${secret.port}/`);
    expect(await deliver(`http://hooks.example:${receiver.port}/`)).toMatchObject({
      detail: { reason: 'address_refused', host: `inside.example:${secret.port}` },
    });
    expect(secret.received).toEqual([]);
  });

  it.each([['file:///etc/passwd'], ['ftp://hooks.example/'], ['http://me:pw@hooks.example/']])(
    'to %s is refused',
    async (location) => {
      redirectTo(location);
      expect(await deliver(`http://hooks.example:${receiver.port}/`)).toMatchObject({
        status: 'failed',
        detail: { reason: 'invalid', status: 307 },
      });
    },
  );

  it('that never ends is followed three times', async () => {
    redirectTo('/again');
    expect(await deliver(`http://hooks.example:${receiver.port}/`)).toMatchObject({
      status: 'failed',
      detail: { reason: 'invalid' },
    });
    expect(receiver.received).toHaveLength(4);
  });
});

describe('an answer', () => {
  it('that does not end is read so far and no further', async () => {
    let stopped = false;
    receiver.answer((_, response) => {
      response.writeHead(200);
      const more = setInterval(() => response.write('x'.repeat(64 * 1024)), 1);
      response.on('close', () => {
        clearInterval(more);
        stopped = true;
      });
    });
    expect(await deliver(`http://hooks.example:${receiver.port}/`)).toMatchObject({
      status: 'delivered',
      detail: { status: 200, body: 'x'.repeat(500) },
    });
    await eventually(() => stopped);
  });

  it('whose body trickles in holds nothing up', async () => {
    receiver.answer((_, response) => {
      response.writeHead(200);
      const more = setInterval(() => response.write('.'), 100);
      response.on('close', () => clearInterval(more));
    });
    expect(await deliver(`http://hooks.example:${receiver.port}/`)).toMatchObject({
      status: 'delivered',
      attempts: 1,
      detail: { status: 200, body: expect.stringMatching(/^\.+$/) },
    });
  });

  it('of which only the status comes is an answer', async () => {
    receiver.answer((_, response) => void response.writeHead(202, { 'content-length': '10' }).write('abc'));
    expect(await deliver(`http://hooks.example:${receiver.port}/`)).toMatchObject({
      status: 'delivered',
      attempts: 1,
      detail: { status: 202, body: 'abc' },
    });
  });

  it('that does not come in time is waited for no longer, and asked for again', async () => {
    let turn = 0;
    receiver.answer((_, response) => void (turn++ > 0 && response.end()));
    expect(await deliver(`http://hooks.example:${receiver.port}/`)).toMatchObject({
      status: 'delivered',
      attempts: 2,
    });
  });

  it('that is not HTTP is asked for again', async () => {
    let turn = 0;
    receiver.answer((_, response) => {
      if (turn++ > 0) response.end();
      else response.socket!.end('SSH-2.0-OpenSSH_9.9\r\n');
    });
    expect(await deliver(`http://hooks.example:${receiver.port}/`)).toMatchObject({
      status: 'delivered',
      attempts: 2,
    });
  });
});
