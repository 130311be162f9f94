import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '@trackline/testkit';
import { ConnectorsRig, type Tenant } from '../connectors-rig.ts';
import { Receiver } from '../receiver.ts';
import type { RunningConnectors } from '../../src/start-connectors.ts';

jest.setTimeout(120_000);

const TOKEN = 'EAAG-a-secret-token';
let rig: ConnectorsRig;
let service: RunningConnectors;
/** In the place of graph.facebook.com. */
let graph: Receiver;
let tenant: Tenant;

beforeAll(async () => {
  [rig, graph] = await Promise.all([ConnectorsRig.open(), Receiver.open()]);
  service = await rig.start({ WHATSAPP_API_URL: `${graph.url}/`, WHATSAPP_API_VERSION: 'v23.0' });
  tenant = await rig.tenant(service);
  await tenant.call('PUT', '/v1/connectors/whatsapp', {
    body: { phoneNumberId: '106540352242922', accessToken: TOKEN },
  });
}, 60_000);
afterAll(async () => {
  await rig.close();
  await graph.close();
});

let replies: (readonly [status: number, body: object, headers?: Record<string, string>])[] = [];
beforeEach(() => {
  replies = [[200, { messages: [{ id: 'wamid.HBgM' }] }]];
  graph.received.length = 0;
  graph.answer((_, response) => {
    const [status, body, headers = {}] = replies.length > 1 ? replies.shift()! : replies[0]!;
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  });
});

const send = async (request: Parameters<typeof tenant.action<'whatsapp'>>[1]) => {
  const action = tenant.action('whatsapp', request);
  await rig.request(action);
  return { action, completed: await rig.completion(action) };
};
const error = (code: number) => ({ error: { code, message: `(#${code}) no`, fbtrace_id: 'A1' } });

describe('a WhatsApp message', () => {
  it('is one call of the Cloud API, by the number and the token of its organisation', async () => {
    const { action, completed } = await send({ to: '+4915112345678', body: 'Hi Zoë' });
    expect(completed).toMatchObject({ status: 'delivered', providerMessageId: 'wamid.HBgM', attempts: 1 });
    const [call] = graph.received;
    expect(call).toMatchObject({ method: 'POST', path: '/v23.0/106540352242922/messages' });
    expect(call!.headers.authorization).toBe(`Bearer ${TOKEN}`);
    expect(JSON.parse(call!.body)).toEqual({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: '+4915112345678',
      type: 'text',
      text: { body: 'Hi Zoë' },
      biz_opaque_callback_data: `trackline/${action.workflowId}/${action.executionId}/${action.id}`,
    });
    expect(await rig.delivery(tenant, action)).toMatchObject({
      status: 'delivered',
      providerMessageId: 'wamid.HBgM',
    });
  });

  it('can be a template, from another number', async () => {
    const template = { name: 'order_sent', language: 'de', parameters: ['4711'] };
    await send({ to: '+1', template, phoneNumberId: '22' });
    expect(graph.received[0]!.path).toBe('/v23.0/22/messages');
    expect(JSON.parse(graph.received[0]!.body)).toMatchObject({
      type: 'template',
      template: { name: 'order_sent', language: { code: 'de' } },
    });
  });

  it('goes out later when Meta is busy, with the same mark', async () => {
    replies = [[400, error(130429), { 'retry-after': '0' }], [500, error(131000)], replies[0]!];
    const { action, completed } = await send({ to: '+1', body: 'x' });
    expect(completed).toMatchObject({ status: 'delivered', attempts: 3 });
    const marks = graph.received.map(({ body }) => JSON.parse(body).biz_opaque_callback_data);
    const mark = `trackline/${action.workflowId}/${action.executionId}/${action.id}`;
    expect(marks).toEqual([mark, mark, mark]);
  });

  it('that Meta refuses is given up, with what Meta said', async () => {
    replies = [[400, error(131047)]];
    const { action, completed } = await send({ to: '+1', body: 'x' });
    expect(completed).toMatchObject({
      status: 'failed',
      attempts: 1,
      detail: { reason: 'refused', status: 400, code: 131047, message: '(#131047) no', trace: 'A1' },
    });
    expect(JSON.stringify(await rig.delivery(tenant, action))).not.toContain(TOKEN);
    const letter = await eventually(() => rig.letterOf(action));
    expect(JSON.stringify(letter.headers)).not.toContain(TOKEN);
  });

  it('without text and template, or from a number that is none, is never sent', async () => {
    for (const request of [{ to: '+1' }, { to: '+1', body: 'x', phoneNumberId: '../me' }])
      expect((await send(request)).completed).toMatchObject({
        status: 'failed',
        detail: { reason: 'invalid' },
      });
    expect(graph.received).toEqual([]);
  });

  it('is kept back while its token cannot be read', async () => {
    await rig.stop(service);
    service = await rig.start({ WHATSAPP_API_URL: graph.url, SECRETS_KEY: '' });
    const action = tenant.action('whatsapp', { to: '+1', body: 'x' });
    await rig.request(action);
    const other = await rig.tenant(service);
    await eventually(async () => {
      const { rows } = await rig.database.query<{ detail: { reason?: string } | null }>({
        text: 'SELECT detail FROM connectors.delivery WHERE id = $1',
        values: [action.id],
      });
      return rows[0]?.detail?.reason === 'credentials';
    });
    const refused = await other.call('PUT', '/v1/connectors/whatsapp', {
      body: { phoneNumberId: '1', accessToken: 'x' },
    });
    expect(refused).toMatchObject({ status: 503, json: { error: expect.stringContaining('SECRETS_KEY') } });
    expect((await other.call('POST', '/v1/connectors/webhook/secret')).status).toBe(503);
    await rig.stop(service);
    service = await rig.start({ WHATSAPP_API_URL: graph.url });
    expect(await rig.completion(action)).toMatchObject({ status: 'delivered' });
  }, 30_000);
});

describe('the routes of connectors', () => {
  it('show what is in force, mask secrets, and forget', async () => {
    const other = await rig.tenant(service);
    const get = async (kind: string) => (await other.call('GET', `/v1/connectors/${kind}`)).json;
    for (const [kind, via] of Object.entries({ webhook: 'http', email: 'log', whatsapp: 'log', sms: 'log' }))
      expect(await get(kind)).toEqual({ kind, configured: false, via, settings: {} });
    await other.call('PUT', '/v1/connectors/whatsapp', { body: { phoneNumberId: '1', accessToken: TOKEN } });
    expect(await get('whatsapp')).toEqual({
      kind: 'whatsapp',
      configured: true,
      via: 'cloud_api',
      settings: { phoneNumberId: '1', accessToken: '…oken' },
      updatedAt: expect.any(String),
    });
    const secret = (await other.call('POST', '/v1/connectors/webhook/secret')).json.secret as string;
    expect(await get('webhook')).toMatchObject({
      configured: true,
      settings: { secret: `whsec_…${secret.slice(-4)}` },
    });
    expect((await other.call('DELETE', '/v1/connectors/whatsapp')).json).toMatchObject({
      configured: false,
      via: 'log',
    });
    expect((await other.call('DELETE', '/v1/connectors/whatsapp')).status).toBe(404);
  });

  it.each([
    ['PUT', 'webhook', {}, 422],
    ['PUT', 'sms', {}, 422],
    ['PUT', 'pigeon', {}, 422],
    ['GET', 'pigeon', undefined, 422],
    ['PUT', 'whatsapp', { phoneNumberId: 'x', accessToken: 'y' }, 422],
    ['PUT', 'email', { smtpUrl: 'http://x', from: 'a@b' }, 422],
    ['DELETE', 'sms', undefined, 404],
  ] as const)('%s %s with %j is %i', async (method, kind, body, status) => {
    const options = body === undefined ? {} : { body };
    expect((await tenant.at(service).call(method, `/v1/connectors/${kind}`, options)).status).toBe(status);
  });

  it('take the scope manage, and deliveries the scope read', async () => {
    const reader = await rig.directory.createKey(tenant.id, { name: 'reader', scopes: ['read'] });
    const call = tenant.at(service, reader!.key).call;
    expect((await call('GET', '/v1/connectors/email')).status).toBe(403);
    expect((await call('POST', '/v1/connectors/webhook/secret')).status).toBe(403);
    expect((await call('GET', '/v1/deliveries')).status).toBe(200);
  });
});
