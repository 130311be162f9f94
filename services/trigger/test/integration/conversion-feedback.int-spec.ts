import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { conversionId, type AdmittedEvent } from '@trackline/contracts';
import { Channels } from '@trackline/directory';
import { eventually } from '@trackline/testkit';
import type { RunningTrigger } from '../../src/start-trigger.ts';
import { TriggerRig, type Tenant } from './trigger-rig.ts';

jest.setTimeout(240_000);

let rig: TriggerRig;
let trigger: RunningTrigger;
let tenant: Tenant;
let organizationId: string;
let channelId: string;
const env = { FEEDBACK_CHECK_MS: '0' };
beforeAll(async () => {
  rig = await TriggerRig.open();
  trigger = await rig.start(env);
  tenant = await rig.tenant(trigger);
  organizationId = tenant.organization.id;
  const channels = new Channels(rig.database, { secretsKey: randomBytes(32).toString('base64') });
  const made = await channels.create(organizationId, {
    phoneNumberId: '10',
    wabaId: '1022',
    appSecret: 'an-app-secret',
    verifyToken: 'a-word',
    accessToken: 'EAAG-an-access-token',
    datasetId: '77',
    conversionFeedback: true,
  });
  channelId = made!.id;
}, 120_000);
afterAll(() => rig?.close());

const clicked = async (contactId: string, ctwaClid: string, clickedAtMs = Date.now() - 60_000) =>
  rig.directory.noteAdClicks([{ organizationId, contactId, ctwaClid, phoneNumberId: '10', clickedAtMs }]);
const order = (contactId: string, more: Partial<AdmittedEvent> = {}) =>
  rig.event({
    organizationId,
    contactId,
    name: 'order',
    properties: '{"value":"49.90","currency":"EUR"}',
    ...more,
  });
const conversionsOf = ({ eventId }: AdmittedEvent) =>
  rig.conversions.filter((conversion) => conversion.eventId === eventId);
const conversionOf = (event: AdmittedEvent) =>
  eventually(() => conversionsOf(event)[0], { withinMs: 60_000 });

describe('what Meta is to be told', () => {
  it('is an order of a contact who came by an ad, and it starts no less because of it', async () => {
    await tenant.create({
      name: 'thanks',
      trigger: { type: 'event', eventName: 'order' },
      steps: [{ id: 'end', type: 'exit', config: {} }],
    });
    const contactId = await tenant.contact();
    await clicked(contactId, 'ARAk');
    const event = order(contactId);
    expect((await rig.track(event)).workflowsTriggered).toBe(1);
    expect(await conversionOf(event)).toEqual({
      id: conversionId(organizationId, event.eventId),
      organizationId,
      contactId,
      eventId: event.eventId,
      requestedAtMs: event.receivedAtMs,
      kind: 'conversion',
      request: {
        eventName: 'Purchase',
        channelId,
        ctwaClid: 'ARAk',
        occurredAtMs: event.occurredAtMs,
        worth: { value: '49.90', currency: 'EUR' },
      },
    });
  });

  it('is told once, however often the event comes, also to another instance and after a merge', async () => {
    const [first, second] = [await tenant.contact(), await tenant.contact()];
    await clicked(first, 'of-the-first');
    await rig.directory.mergeContacts(organizationId, first, second);
    await rig.tellOfContacts();
    const event = order(second);
    await rig.track(event);
    expect((await conversionOf(event)).request.ctwaClid).toBe('of-the-first');
    await rig.stop(trigger);
    trigger = await rig.start(env);
    await rig.admit(event, event);
    // An event that its client sends again much later is admitted anew, under the same id.
    const late = { ...event, position: rig.nextPosition(event), replyTo: `1/${event.eventId}` };
    await rig.track(late);
    const sentinel = order(second);
    await rig.track(sentinel);
    await conversionOf(sentinel);
    expect(new Set(conversionsOf(event).map(({ id }) => id)).size).toBe(1);
    expect(conversionsOf(event)).toHaveLength(2);
  });

  it('is nothing of Meta’s own events, of history, and of those who came by no ad', async () => {
    const contactId = await tenant.contact();
    const none = [
      order(contactId, { name: 'whatsapp.purchase' }),
      order(contactId, { backfill: true, properties: '{"value":1,"currency":"EUR","ctwa_clid":"x"}' }),
      order(contactId),
    ];
    for (const event of none) await rig.track(event);
    const lead = order(contactId, { name: 'lead', properties: '{"ctwa_clid":"own"}' });
    await rig.track(lead);
    expect((await conversionOf(lead)).request).toMatchObject({ eventName: 'LeadSubmitted', ctwaClid: 'own' });
    expect(none.flatMap(conversionsOf)).toEqual([]);
  });
});
