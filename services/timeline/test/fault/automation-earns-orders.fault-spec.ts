import { createServer, type Server } from 'node:http';
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  eventually,
  Fleet,
  httpClient,
  uniqueName,
  type Call,
  type TestOrganization,
} from '@trackline/testkit';

jest.setTimeout(240_000);

const SOON = { withinMs: 60_000 };
const PHONE = '+33612345678';

/** In the place of graph.facebook.com: what was sent to whom, and a name for each message. */
const sent: { readonly to: string; readonly text: { readonly body: string } }[] = [];
let graph: Server;
let fleet: Fleet;
let organization: TestOrganization;
let timeline: Call;
let workflowId: string;

beforeAll(async () => {
  graph = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      sent.push(JSON.parse(body));
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ messages: [{ id: uniqueName('wamid.') }] }));
    });
  });
  await new Promise<void>((resolve) => graph.listen(0, '127.0.0.1', resolve));
  const { port } = graph.address() as AddressInfo;
  fleet = await Fleet.open({
    services: { ingest: 1, 'dedup-meter': 1, trigger: 1, connectors: 1, timeline: 1 },
    env: { SECRETS_KEY: randomBytes(32).toString('base64') },
    envOf: { connectors: { WHATSAPP_API_URL: `http://127.0.0.1:${port}` } },
  });
  organization = await fleet.organization({ settings: { defaultCurrency: 'EUR' } });
  const as = (service: string): Call => httpClient(fleet.instance(service).url, { key: organization.key });
  timeline = as('timeline');
  const connected = await as('connectors')('PUT', '/v1/connectors/whatsapp', {
    body: { phoneNumberId: '106540352242922', accessToken: 'a-token' },
  });
  expect(connected.status).toBeLessThan(300);
  const made = await as('trigger')('POST', '/v1/workflows?enable=true', {
    body: {
      name: 'On its way',
      trigger: { type: 'event', eventName: 'order' },
      steps: [
        {
          id: 'tell',
          type: 'send_whatsapp',
          config: {
            body: 'Hi! Your order for {{product_name}} ({{order_total}}€) will arrive on {{delivery_date}}.',
          },
        },
      ],
    },
  });
  expect(made.status).toBe(201);
  workflowId = made.json.id;
}, 240_000);

afterAll(async () => {
  await fleet?.close();
  await new Promise((resolve) => graph.close(resolve));
}, 60_000);

const order = async (unique_id: string, product_name: string): Promise<string> => {
  const answer = await organization.call('POST', '/v1/metric-events', {
    body: {
      ...{ name: 'order', phone_number: PHONE, unique_id },
      properties: { product_name, order_total: '49.90', delivery_date: '24 November' },
    },
  });
  expect([201, 202]).toContain(answer.status);
  return answer.json.id;
};
const attributionOf = async (eventId: string) =>
  (await timeline('GET', `/v1/events/${eventId}`)).json.attribution;
const report = async (name: string) => (await timeline('GET', `/v1/reports/${name}`)).json;

describe('an automation that an order sets off', () => {
  it('sends what it renders from the order, earns the next order and not this one, and counts once though processes are killed', async () => {
    const first = await order('A-1', 'Cups');
    await eventually(() => sent.length === 1, SOON);
    expect(sent[0]).toMatchObject({
      to: PHONE,
      text: { body: 'Hi! Your order for Cups (49.90€) will arrive on 24 November.' },
    });
    await eventually(async () => (await report('automations')).totals.conversations === 1, SOON);
    await eventually(async () => (await report('automations')).campaigns[0].name === 'On its way', SOON);
    expect((await report('automations')).campaigns).toMatchObject([
      { id: workflowId, type: 'automation', sent: 1, conversations: 1, orders: 0, conversions: 0 },
    ]);
    await eventually(async () => (await attributionOf(first))?.conversion === false, SOON);

    // What each of them had in hand comes again.
    for (const name of ['timeline', 'connectors', 'trigger']) await fleet.instance(name).kill();
    for (const name of ['timeline', 'connectors', 'trigger']) fleet.instance(name).start();
    await fleet.ready();

    const second = await order('A-2', 'Plates');
    await eventually(() => sent.length === 2, SOON);
    expect(sent[1]!.text.body).toBe('Hi! Your order for Plates (49.90€) will arrive on 24 November.');
    await eventually(async () => (await attributionOf(second))?.conversion === true, SOON);
    expect(await attributionOf(second)).toMatchObject({
      campaign: { type: 'automation', id: workflowId, name: 'On its way' },
      revenue: { currency: 'EUR', amount: '49.90' },
    });
    await eventually(async () => (await report('automations')).totals.conversations === 2, SOON);
    expect((await report('automations')).campaigns).toMatchObject([
      {
        ...{ id: workflowId, sent: 2, conversations: 2, orders: 1, conversions: 1 },
        revenue: [{ currency: 'EUR', amount: '49.90' }],
      },
    ]);
    expect(await attributionOf(first)).toMatchObject({ conversion: false });
    expect((await report('performance')).bySource).toMatchObject([
      { type: 'broadcast', orders: 0 },
      { type: 'automation', orders: 1, conversions: 1 },
      { type: 'ad', orders: 0 },
      { type: 'organic', orders: 1, conversions: 0 },
    ]);
    expect(sent).toHaveLength(2);
    fleet.assertNoneDied();
  });
});
