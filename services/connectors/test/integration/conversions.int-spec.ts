import { Writable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  encodeRequestedAction,
  type ConversionRequest,
  type RequestedConversion,
} from '@trackline/contracts';
import { Channels } from '@trackline/directory';
import { eventually } from '@trackline/testkit';
import { ConnectorsRig, type Tenant } from '../connectors-rig.ts';
import { ConversionsApi, graphError } from '../conversions-api.ts';
import type { RunningConnectors } from '../../src/start-connectors.ts';

jest.setTimeout(240_000);

const TOKEN = 'EAAG-a-secret-token';
const WABA = '102290129340398';
const DATASET = '1234567890';
const DAY_MS = 86_400_000;
let rig: ConnectorsRig;
let service: RunningConnectors;
let meta: ConversionsApi;
let tenant: Tenant;
let channels: Channels;
let channelId: string;
let log = '';
const destination = new Writable({
  write(chunk, _encoding, done) {
    log += String(chunk);
    done();
  },
});

beforeAll(async () => {
  rig = await ConnectorsRig.open();
  meta = await ConversionsApi.open({
    version: 'v23.0',
    datasetId: DATASET,
    accessToken: TOKEN,
    wabaId: WABA,
  });
  const env = { CONVERSIONS_API_URL: `${meta.receiver.url}/`, CONVERSIONS_API_VERSION: 'v23.0' };
  service = await rig.start({ ...env, LOG_LEVEL: 'info' }, { destination });
  tenant = await rig.tenant(service);
  channels = new Channels(rig.database, { secretsKey: rig.env.SECRETS_KEY });
  channelId = await newChannel();
}, 120_000);
afterAll(async () => {
  await rig?.close();
  await meta?.receiver.close();
  expect(log).not.toContain(TOKEN);
});
beforeEach(() => {
  meta.failWith();
  meta.told.length = 0;
  meta.receiver.received.length = 0;
});

let numbers = 0;
const newChannel = async (more: object = {}): Promise<string> => {
  const made = await channels.create(tenant.id, {
    phoneNumberId: String((numbers += 1)),
    wabaId: WABA,
    appSecret: 'an-app-secret',
    verifyToken: 'a-word',
    accessToken: TOKEN,
    datasetId: DATASET,
    conversionFeedback: true,
    ...more,
  });
  return made!.id;
};
const purchase = (more: Partial<ConversionRequest> = {}): RequestedConversion =>
  tenant.conversion({
    eventName: 'Purchase',
    channelId,
    ctwaClid: 'ARAkLkA8rmlFeiCktEJQ',
    occurredAtMs: Date.now(),
    worth: { value: '49.90', currency: 'EUR' },
    ...more,
  });
const send = async (action: RequestedConversion) => {
  await rig.request(action);
  return rig.completion(action, 60_000);
};

describe('a conversion', () => {
  it('is one event for the dataset of its channel, by its token, and is shown with the deliveries', async () => {
    const action = purchase();
    const completed = await send(action);
    expect(completed).toMatchObject({
      kind: 'conversion',
      eventId: action.eventId,
      status: 'delivered',
      attempts: 1,
      detail: { status: 200, eventsReceived: 1, trace: 'AbC' },
    });
    expect(completed).not.toHaveProperty('executionId');
    expect(meta.told).toEqual([
      {
        event_name: 'Purchase',
        event_time: Math.floor(action.request.occurredAtMs / 1_000),
        action_source: 'business_messaging',
        messaging_channel: 'whatsapp',
        event_id: action.eventId,
        user_data: { ctwa_clid: 'ARAkLkA8rmlFeiCktEJQ', whatsapp_business_account_id: WABA },
        custom_data: { currency: 'EUR', value: 49.9 },
      },
    ]);
    const shown = await rig.delivery(tenant, action);
    expect(shown).toMatchObject({ kind: 'conversion', destination: 'conversion', eventId: action.eventId });
    expect(shown).not.toHaveProperty('workflowId');
    const lead = purchase({ eventName: 'LeadSubmitted' });
    const { worth: _worth, ...request } = lead.request;
    expect(await send({ ...lead, request })).toMatchObject({ status: 'delivered' });
    const { json } = await tenant.call('GET', '/v1/deliveries?status=delivered');
    expect(json.items.map(({ id }: { id: string }) => id)).toEqual([lead.id, action.id]);
  });

  it('that is requested again is told once', async () => {
    const action = purchase();
    await send(action);
    await rig.request(action, action);
    expect(await send(purchase())).toMatchObject({ status: 'delivered' });
    expect(meta.told.filter(({ event_id }) => event_id === action.eventId)).toHaveLength(1);
  });

  it('is told later, word for word, when Meta is busy or away', async () => {
    meta.failWith(
      [429, {}, { 'retry-after': '0' }],
      [400, graphError(4, 'Application request limit reached')],
      [400, graphError(80_004, 'There have been too many calls')],
      [503, {}],
    );
    expect(await send(purchase())).toMatchObject({ status: 'delivered', attempts: 5 });
    expect(new Set(meta.receiver.received.map(({ body }) => body)).size).toBe(1);
  });

  it('that Meta refuses is given up with what Meta said', async () => {
    const action = purchase();
    meta.failWith([400, graphError(100, 'Invalid parameter', 2_804_066)]);
    expect(await send(action)).toMatchObject({
      status: 'failed',
      attempts: 1,
      detail: {
        reason: 'refused',
        status: 400,
        code: 100,
        subcode: 2_804_066,
        message: '(#100) Invalid parameter',
      },
    });
    const letter = await eventually(() => rig.letterOf(action));
    expect(letter.headers['dlq-reason']?.toString()).toBe('refused');
    expect(letter.value?.toString()).toBe(String(encodeRequestedAction(action).value));
  });

  it('older than seven days by the time of sending is not sent', async () => {
    const edge = purchase({ occurredAtMs: Date.now() - 7 * DAY_MS + 120_000 });
    expect(await send(edge)).toMatchObject({ status: 'delivered' });
    const old = purchase({ occurredAtMs: Date.now() - 7 * DAY_MS - 1_000 });
    expect(await send(old)).toMatchObject({ status: 'failed', attempts: 1, detail: { reason: 'too_old' } });
    expect(meta.told).toHaveLength(1);
    expect((await eventually(() => rig.letterOf(old))).headers['dlq-reason']?.toString()).toBe('too_old');
  });

  it('of a channel that is gone, another’s, or switched off meanwhile is not sent', async () => {
    const off = await newChannel();
    await channels.update(tenant.id, off, { conversionFeedback: false });
    const stranger = await rig.tenant(service);
    const actions = [purchase({ channelId: off }), { ...purchase(), organizationId: stranger.id }];
    for (const action of actions)
      expect(await send(action)).toMatchObject({ status: 'failed', detail: { reason: 'switched_off' } });
    expect(meta.receiver.received).toEqual([]);
  });

  it('by a token that Meta does not take is tried again, and the token is nowhere to be read', async () => {
    const wrong = 'EAAG-another-secret-token';
    const broken = await newChannel({ accessToken: wrong });
    const action = purchase({ channelId: broken });
    await rig.request(action);
    const pending = await eventually(
      async () => {
        const shown = await rig.delivery(tenant, action);
        return (shown.detail as { reason?: string } | undefined)?.reason === 'credentials'
          ? shown
          : undefined;
      },
      { withinMs: 60_000 },
    );
    expect(pending).toMatchObject({ detail: { code: 190, message: '(#190) Malformed access token …' } });
    await channels.update(tenant.id, broken, { accessToken: TOKEN });
    expect(await rig.completion(action, 60_000)).toMatchObject({ status: 'delivered' });
    expect(log).not.toContain(wrong);
  });

  it('that cannot be read goes to the dead letters', async () => {
    const { eventId: _eventId, ...without } = purchase();
    const negative = purchase({ worth: { value: '-1', currency: 'EUR' } });
    await rig.publish([without as RequestedConversion, negative].map(encodeRequestedAction));
    for (const action of [without, negative]) {
      const letter = await eventually(() => rig.letterOf(action), { withinMs: 60_000 });
      expect(letter.headers['dlq-reason']?.toString()).toBe('invalid');
    }
  });
});
