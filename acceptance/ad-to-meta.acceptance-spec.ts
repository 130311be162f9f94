import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, uniqueName } from '@trackline/testkit';
import { ConversionsApi, type ToldEvent } from '../services/connectors/test/conversions-api.ts';
import { aChannel, messageOf, newMessageId, newPhone, nowSeconds, WABA, type Channel } from './a-channel.ts';
import { allPages, anOrganization, type Tenant } from './an-organization.ts';

const SOON = { withinMs: 60_000 };
const ACCESS_TOKEN = uniqueName('EAAG');
const DATASET = '1234567890';
const WITH_A_DATASET = { datasetId: DATASET, accessToken: ACCESS_TOKEN };

let meta: ConversionsApi;
let tenant: Tenant;
let telling: Channel;

beforeAll(async () => {
  const { CONVERSIONS_API_URL: url, CONVERSIONS_API_VERSION: version = 'v24.0' } = process.env;
  if (!url)
    throw new Error(
      'CONVERSIONS_API_URL is not set: this test stands in for Meta there. "npm test -- acceptance" sets it for the stack and for its tests; ' +
        'for a stack of "npm start" set it, a port of this machine, for both.',
    );
  const about = { version, datasetId: DATASET, accessToken: ACCESS_TOKEN, wabaId: WABA };
  meta = await ConversionsApi.open(about, Number(new URL(url).port));
  tenant = await anOrganization();
  telling = await aChannel(tenant, { ...WITH_A_DATASET, conversionFeedback: true });
}, 60_000);
afterAll(() => meta?.receiver.close());

interface Customer {
  readonly contactId: string;
  readonly ctwaClid: string;
}

/** Somebody writes who came by a click on the ad. */
const clicked = async (channel: Channel, adId: string): Promise<Customer> => {
  const [phone, ctwaClid] = [newPhone(), uniqueName('ARAk')];
  const referral = { source_id: adId, source_type: 'ad', headline: 'Cups', ctwa_clid: ctwaClid };
  const payload = channel.payload('messages', messageOf(newMessageId(), phone, { referral }));
  expect((await channel.send(payload)).status).toBe(200);
  const { json } = await tenant.call('GET', `/v1/contacts?phone=${encodeURIComponent(`+${phone}`)}`);
  return { contactId: json.items[0].id, ctwaClid };
};
/** Gives its event id. */
const tracked = async (event: Record<string, unknown>): Promise<string> => {
  const answer = await tenant.track(event);
  expect([200, 202]).toContain(answer.status);
  return answer.json.eventId;
};
const order = ({ contactId }: Customer, more: object = {}) =>
  tracked({ name: 'order', contactId, properties: { value: '49.90', currency: 'EUR', ...more } });
const orderIsOf = (eventId: string, adId: string) =>
  eventually(async () => {
    const receipt = await tenant.call('GET', `/v1/events/${eventId}`);
    expect(receipt.json.attribution).toMatchObject({
      conversion: true,
      campaign: { type: 'ad', id: adId, name: 'Cups' },
      revenue: { currency: 'EUR', amount: '49.90' },
    });
    const { json } = await tenant.call('GET', '/v1/reports/ads');
    expect(json.campaigns.find(({ id }: { id: string }) => id === adId)).toMatchObject({
      ...{ orders: 1, conversions: 1, revenue: [{ currency: 'EUR', amount: '49.90' }] },
      ...{ metaLeads: 0, metaPurchases: 0 },
    });
    return true;
  }, SOON);
const toldOf = (eventId: string): ToldEvent[] => meta.told.filter((event) => event.event_id === eventId);
const untilToldOf = (eventId: string) => eventually(() => toldOf(eventId).length > 0, SOON);
const deliveries = () =>
  allPages<{ kind: string; eventId: string; status: string }>(tenant.call, '/v1/deliveries?limit=200');

describe('a click on an ad', () => {
  it('whose customer orders is told to Meta with the order, once, and the order is in the report of the ad', async () => {
    const customer = await clicked(telling, '121');
    // That the channel has feedback on is noticed within ten seconds.
    const lead = await eventually(async () => {
      const eventId = await tracked({ name: 'lead', contactId: customer.contactId });
      return meta.told[0] ? eventId : undefined;
    }, SOON);
    expect(meta.told[0]).toMatchObject({ event_name: 'LeadSubmitted' });
    await untilToldOf(lead);

    const uniqueId = uniqueName('A');
    const event = {
      contactId: customer.contactId,
      uniqueId,
      properties: { value: '49.90', currency: 'EUR' },
    };
    const eventId = await tracked({ name: 'order', ...event });
    expect((await tenant.track({ name: 'order', ...event })).status).toBe(409);
    await untilToldOf(eventId);
    expect(toldOf(eventId)).toEqual([
      {
        event_name: 'Purchase',
        event_time: expect.any(Number),
        action_source: 'business_messaging',
        messaging_channel: 'whatsapp',
        event_id: eventId,
        user_data: { ctwa_clid: customer.ctwaClid, whatsapp_business_account_id: WABA },
        custom_data: { currency: 'EUR', value: 49.9 },
      },
    ]);
    expect(Math.abs(toldOf(eventId)[0]!.event_time - nowSeconds())).toBeLessThan(120);
    await orderIsOf(eventId, '121');
    await eventually(async () => {
      const delivered = (await deliveries()).filter((one) => one.eventId === eventId);
      expect(delivered).toMatchObject([{ kind: 'conversion', status: 'delivered' }]);
      return true;
    }, SOON);
  }, 180_000);

  it('on an ad of a number without feedback, which is the default, is told to nobody; its order is in the report all the same', async () => {
    const quiet = await aChannel(tenant, WITH_A_DATASET);
    const customer = await clicked(quiet, '120');
    const orderId = await order(customer);
    await orderIsOf(orderId, '120');
    const lead = await tracked({ name: 'lead', contactId: customer.contactId });
    // One of the same contact that names a click itself: what comes before it in the contact's order is through once Meta hears of it.
    const ctwa_clid = uniqueName('ARAk');
    const last = await order(customer, { ctwa_clid, phone_number_id: telling.phoneNumberId });
    await untilToldOf(last);
    expect([toldOf(orderId), toldOf(lead)]).toEqual([[], []]);
    const conversions = (await deliveries()).map(({ eventId }) => eventId);
    expect(conversions).toContain(last);
    expect(conversions).not.toContain(orderId);
    expect(conversions).not.toContain(lead);
    expect(JSON.stringify(meta.receiver.received)).not.toContain(customer.ctwaClid);
  }, 180_000);

  it('is told as Meta documents it: nothing was refused', () => {
    expect(meta.receiver.received).toHaveLength(meta.told.length);
    expect(new Set(meta.told.map((event) => event.event_id)).size).toBe(meta.told.length);
  });
});
