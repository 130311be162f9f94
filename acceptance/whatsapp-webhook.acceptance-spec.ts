import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { INBOUND } from '@trackline/contracts';
import { connectKafka, Publisher } from '@trackline/kafka';
import { eventually, httpClient, stackFile, stackFromEnv, uniqueName } from '@trackline/testkit';
import {
  aChannel,
  messageOf,
  newMessageId as wamid,
  newPhone,
  nowSeconds,
  WABA,
  type Channel,
} from './a-channel.ts';
import { anOrganization, type Tenant } from './an-organization.ts';

const run = promisify(execFile);

let tenant: Tenant;
let channel: Channel;
let phoneNumberId: string;

beforeAll(async () => {
  tenant = await anOrganization();
  channel = await aChannel(tenant);
  ({ phoneNumberId } = channel);
});

const send: Channel['send'] = (...sent) => channel.send(...sent);
const payload: Channel['payload'] = (...told) => channel.payload(...told);
const automatic = (id: string, event_name: string, more: object = {}) => ({
  automatic_events: [{ id, event_name, timestamp: nowSeconds() - 60, ...more }],
});
const purchase = (id: string, more: object = {}) =>
  automatic(id, 'Purchase', { custom_data: { currency: 'USD', value: 25_000 }, ...more });
const contactOf = async (phone: string): Promise<{ id: string } | undefined> =>
  (await tenant.call('GET', `/v1/contacts?phone=${encodeURIComponent(`+${phone}`)}`)).json.items[0];
const timelineOf = (contactId: string, names: readonly string[]) =>
  eventually(
    async () => {
      const items = await tenant.timeline(contactId);
      return items.length >= names.length && items;
    },
    { withinMs: 30_000 },
  );
/** The ad's line of the report, as soon as it says so. */
const adOf = (adId: string, expected: Readonly<Record<string, unknown>>) =>
  eventually(
    async () => {
      const { json } = await tenant.call('GET', '/v1/reports/ads');
      const ad = json.campaigns.find(({ id }: { id: string }) => id === adId);
      expect(ad).toMatchObject(expected);
      return ad as Record<string, unknown>;
    },
    { withinMs: 30_000 },
  );
/** The receipt's attribution, as soon as it says so. */
const attributed = (eventId: string, expected: Readonly<Record<string, unknown>>) =>
  eventually(
    async () => {
      const { json } = await tenant.call('GET', `/v1/events/${eventId}`);
      expect(json.attribution).toMatchObject(expected);
      return true;
    },
    { withinMs: 30_000 },
  );

describe('Meta’s webhook', () => {
  it('is set up by its handshake', async () => {
    const ask = (token: string) =>
      httpClient(stackFromEnv().url)(
        'GET',
        `${channel.callback}?hub.mode=subscribe&hub.verify_token=${token}&hub.challenge=1158201444`,
      );
    expect(await ask(channel.verifyToken)).toMatchObject({ status: 200, text: '1158201444' });
    expect((await ask('wrong')).status).toBe(403);
  });

  it('brings the two documented payloads to the timeline of the customer and to the report of the ad that they clicked on', async () => {
    const [id, phone, ctwa_clid] = [wamid(), newPhone(), uniqueName('Afc3')];
    const referral = { source_id: '120', source_type: 'ad', headline: 'Cups', ctwa_clid };
    expect((await send(payload('messages', messageOf(id, phone, { referral })))).status).toBe(200);
    expect(
      (await send(payload('automatic_events', automatic(id, 'LeadSubmitted', { ctwa_clid })))).status,
    ).toBe(200);
    expect((await send(payload('automatic_events', purchase(id, { ctwa_clid })))).status).toBe(200);
    const { id: contactId } = (await contactOf(phone))!;
    const items = await timelineOf(contactId, ['lead', 'purchase']);
    const common = { message_id: id, ctwa_clid, phone_number_id: phoneNumberId, waba_id: WABA };
    expect(new Map(items.map(({ name, properties }) => [name, properties]))).toEqual(
      new Map([
        ['whatsapp.lead_submitted', { event_name: 'LeadSubmitted', ...common }],
        ['whatsapp.purchase', { event_name: 'Purchase', ...common, currency: 'USD', value: '25.00' }],
      ]),
    );
    const ad = await adOf('120', { metaLeads: 1, metaPurchases: 1 });
    expect(ad).toMatchObject({ name: 'Cups', metaRevenue: [{ currency: 'USD', amount: '25.00' }] });
  });

  it('takes the same body twenty times in parallel as one event, without a click and with a price as text', async () => {
    const [id, phone] = [wamid(), newPhone()];
    await send(payload('messages', messageOf(id, phone)));
    const used = await tenant.used();
    const body = payload(
      'automatic_events',
      purchase(id, { custom_data: { currency: 'EUR', value: '49990' } }),
    );
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(body)));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    const { id: contactId } = (await contactOf(phone))!;
    const items = await timelineOf(contactId, ['purchase']);
    expect(items.map(({ properties }) => properties.value)).toEqual(['49.99']);
    // One that is sent after them is counted after them.
    await send(payload('automatic_events', automatic(id, 'LeadSubmitted')));
    await timelineOf(contactId, ['purchase', 'lead']);
    expect(await tenant.used()).toBe(used + 2);
    expect(await tenant.timeline(contactId)).toHaveLength(2);
  });

  it('believes only what is signed, over the bytes as they were sent', async () => {
    const text = JSON.stringify(
      payload('automatic_events', automatic(wamid(), 'LeadSubmitted', { note: 'é' })),
    );
    const escaped = Buffer.from(text.replace('é', '\\u00e9'));
    expect((await send(escaped.toString())).status).toBe(200);
    const flipped = Buffer.from(escaped);
    flipped[flipped.length - 3]! ^= 1;
    const refused = await send(flipped.toString(), { signature: channel.signatureOf(escaped) });
    expect([refused.status, refused.json.code]).toEqual([401, 'UNAUTHORIZED']);
  });

  it('answers 3 MB with 1,000 changes within a second', async () => {
    const times: number[] = [];
    for (let tries = 0; tries < 5 && !times.some((ms) => ms < 1_000); tries += 1) {
      const padding = 'x'.repeat(2_740);
      const changes = Array.from({ length: 1_000 }, () => ({ ...purchase(wamid()), padding }));
      const body = JSON.stringify(payload('automatic_events', ...changes));
      expect(Buffer.byteLength(body)).toBeGreaterThan(2.9 * 1024 * 1024);
      const startedAt = performance.now();
      expect((await send(body)).status).toBe(200);
      times.push(performance.now() - startedAt);
    }
    expect(Math.min(...times)).toBeLessThan(1_000);
  });

  it('is replayed without counting anything twice', async () => {
    const [id, phone] = [wamid(), newPhone()];
    await send(payload('messages', messageOf(id, phone)));
    await send(payload('automatic_events', purchase(id)));
    const { id: contactId } = (await contactOf(phone))!;
    await timelineOf(contactId, ['purchase']);
    const before = await eventually(
      async () => {
        const [one, other] = [await tenant.used(), await tenant.used()];
        return one === other && one;
      },
      { withinMs: 30_000 },
    );
    const { kafkaBrokers, databaseUrl } = stackFromEnv();
    const { stdout } = await run(
      process.execPath,
      ['services/ingest/dist/replay-webhooks.js', '--channel', channel.id],
      {
        env: {
          ...process.env,
          KAFKA_BROKERS: kafkaBrokers,
          DATABASE_URL: databaseUrl,
          STACK_FILE: stackFile(),
        },
      },
    );
    expect(stdout).toMatch(/whatsapp\.purchase {2}\d+/);
    // What comes after the replay is judged after it.
    await send(payload('automatic_events', automatic(id, 'LeadSubmitted')));
    const items = await timelineOf(contactId, ['purchase', 'lead']);
    expect(items.map(({ name }) => name).sort()).toEqual(['whatsapp.lead_submitted', 'whatsapp.purchase']);
    expect(await tenant.used()).toBe(before + 1);
  });
});

describe('events first, messages later', () => {
  it('the timeline moves to the person, the workflow has run once, and its held message goes out once, to the person', async () => {
    const word = `probe${uniqueName('x').replaceAll(/[^a-z0-9]/g, '')}`;
    const eventName = `whatsapp.${word}`;
    const [id, phone] = [wamid(), newPhone()];
    const workflowId = await tenant.workflow({
      name: word,
      trigger: { type: 'event', eventName },
      steps: [
        { id: 'hi', type: 'send_whatsapp', config: { body: 'Hi {{firstName|you}}!' } },
        {
          id: 'wait',
          type: 'wait_for_event',
          config: { eventName: uniqueName('never'), timeoutSeconds: 86_400 },
        },
      ],
    });
    await send(payload('automatic_events', automatic(id, word)));
    const [execution] = await eventually(
      async () => {
        const found = await tenant.executions(workflowId);
        return found.length > 0 && found;
      },
      { withinMs: 30_000 },
    );
    const provisional = execution!.contactId;
    const held = await tenant.execution(execution!.id);
    expect(held).toMatchObject({
      status: 'delayed',
      steps: [{ id: 'hi', status: 'waiting', detail: { held: 'provisional_contact' } }],
    });
    expect((await tenant.call('GET', `/v1/contacts/${provisional}`)).json).toMatchObject({
      provisional: true,
    });
    await send(payload('messages', messageOf(id, phone)));
    const person = await eventually(() => contactOf(phone), { withinMs: 30_000 });
    await eventually(
      async () => (await tenant.call('GET', `/v1/contacts/${provisional}`)).json.id === person.id,
      { withinMs: 30_000 },
    );
    const items = await timelineOf(person.id, [eventName]);
    expect(items.map((item) => item.name)).toEqual([eventName]);
    await send(payload('automatic_events', automatic(id, word)));
    await send(payload('automatic_events', automatic(id, 'LeadSubmitted')));
    await timelineOf(person.id, [eventName, 'lead']);
    expect(await tenant.executions(workflowId)).toHaveLength(1);
    const sent = await eventually(
      async () => {
        const found = await tenant.execution(execution!.id);
        return found.steps[0]!.detail?.delivery !== undefined && found;
      },
      { withinMs: 30_000 },
    );
    expect(sent).toMatchObject({
      contactId: person.id,
      status: 'waiting',
      steps: [{ id: 'hi', status: 'completed', detail: { delivery: { status: 'logged' } } }, { id: 'wait' }],
    });
    const deliveries = await tenant.call('GET', `/v1/deliveries?executionId=${execution!.id}`);
    expect(deliveries.json.items).toMatchObject([{ kind: 'whatsapp', contactId: person.id, attempts: 1 }]);
  });

  it('an order of whom nobody knew is earned by the broadcast to the person that it turns out to be', async () => {
    const [id, phone, broadcastId] = [wamid(), newPhone(), uniqueName('spring')];
    const person = await tenant.contact({ phone: `+${phone}` });
    const sent = await tenant.call('POST', '/v1/conversations', {
      body: {
        conversations: [
          {
            contactId: person.id,
            direction: 'outbound',
            occurredAt: new Date(Date.now() - 600_000).toISOString(),
            campaign: { type: 'broadcast', id: broadcastId, name: 'Spring' },
          },
        ],
      },
    });
    expect(sent.json).toMatchObject({ success: true, processed: 1 });
    await send(payload('automatic_events', automatic(id, 'LeadSubmitted')));
    const query = new URLSearchParams({
      source: `/organizations/${tenant.id}/whatsapp`,
      sourceId: `${phoneNumberId}:${id}:LeadSubmitted`,
    });
    const lead = await eventually(
      async () => (await tenant.call('GET', `/v1/events?${query}`)).json.items[0],
      { withinMs: 30_000 },
    );
    expect(lead.contactId).not.toBe(person.id);
    const order = await tenant.track({
      name: 'order',
      contactId: lead.contactId,
      properties: { value: '49.90', currency: 'EUR' },
    });
    expect([200, 202]).toContain(order.status);
    const { eventId } = order.json;
    await attributed(eventId, { conversion: false, reason: 'no_conversation' });
    await send(payload('messages', messageOf(id, phone)));
    await attributed(eventId, {
      reason: 'campaign_conversation',
      campaign: { type: 'broadcast', id: broadcastId, name: 'Spring' },
    });
    const report = await tenant.call('GET', '/v1/reports/broadcasts');
    expect(report.json.campaigns).toContainEqual(
      expect.objectContaining({
        id: broadcastId,
        conversions: 1,
        revenue: [{ currency: 'EUR', amount: '49.90' }],
      }),
    );
  });
});

describe('Wax metric events', () => {
  it('a unique_id is accepted once per metric, over HTTP and over Kafka', async () => {
    const phone = newPhone();
    const metric = (name: string, unique_id: string, phone_number: string | number = `+${phone}`) =>
      tenant.call('POST', '/v1/metric_events/', { body: { name, phone_number, unique_id, value: '49.90' } });
    expect((await metric('order', 'A-1', Number(phone))).status).toBe(201);
    expect((await metric('refund', 'A-1', `00${phone}`)).status).toBe(201);
    expect((await metric('order', 'A-1')).status).toBe(409);

    const { kafkaBrokers } = stackFromEnv();
    const connection = connectKafka({
      brokers: kafkaBrokers,
      clientId: 'acceptance',
      topicPrefix: process.env.TOPIC_PREFIX ?? '',
    });
    const publisher = new Publisher({ connection });
    await publisher.connect();
    const source = `/organizations/${tenant.id}/acceptance`;
    const ceId = uniqueName('ce');
    await publisher.publish([
      {
        topic: INBOUND,
        partition: 0,
        key: `${tenant.id}:${phone}`,
        value: JSON.stringify({ name: 'order', contactPhone: `+${phone}`, uniqueId: 'A-1' }),
        headers: {
          ce_specversion: '1.0',
          ce_id: ceId,
          ce_source: source,
          ce_type: 'com.trackline.event.track',
          'content-type': 'application/json',
        },
      },
    ]);
    await publisher.disconnect();
    const receipt = await eventually(
      async () => {
        const query = new URLSearchParams({ source, sourceId: ceId });
        return (await tenant.call('GET', `/v1/events?${query}`)).json.items[0];
      },
      { withinMs: 30_000 },
    );
    expect(receipt.verdict).toBe('duplicate');
    const { id: contactId } = (await contactOf(phone))!;
    expect((await timelineOf(contactId, ['order', 'refund'])).map(({ name }) => name).sort()).toEqual([
      'order',
      'refund',
    ]);
  });
});
