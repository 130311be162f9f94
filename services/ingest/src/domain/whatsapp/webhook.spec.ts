import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalName, readAutomaticEvent } from './automatic-event.ts';
import { readMessages, readStatuses } from './seen-message.ts';
import { touchOfMessage } from './touch.ts';
import { countChanges, readWebhook } from './webhook.ts';

const NOW = Date.parse('2026-11-20T10:00:00.000Z');
const OURS = '106540352242922';
const context = { isOurs: (id: string) => id === OURS, receivedAtMs: NOW };
const place = { phoneNumberId: OURS, receivedAtMs: NOW };
const change = (field: string, value: object, number = OURS) => ({
  field,
  value: { metadata: { phone_number_id: number }, ...value },
});
const read = (...changes: unknown[]) => readWebhook({ entry: [{ id: 'waba', changes }] }, context);

describe('a webhook', () => {
  it('never throws, whatever it holds', () => {
    const anyField = fc.constantFrom('automatic_events', 'messages', 'statuses', 'x');
    const value = fc.record(
      {
        metadata: fc.constant({ phone_number_id: OURS }),
        automatic_events: fc.jsonValue(),
        messages: fc.jsonValue(),
        statuses: fc.jsonValue(),
        contacts: fc.jsonValue(),
      },
      { requiredKeys: ['metadata'] },
    );
    fc.assert(
      fc.property(
        fc.array(fc.record({ field: anyField, value: fc.oneof(value, fc.jsonValue()) })),
        (changes) => {
          const webhook = read(...changes);
          return webhook.changes === changes.length;
        },
      ),
    );
    fc.assert(
      fc.property(
        fc.jsonValue(),
        (payload) => countChanges(payload) >= 0 && readWebhook(payload, context).changes >= 0,
      ),
    );
  });

  it('counts fields, and leaves out one by one what is not ours', () => {
    const event = { automatic_events: [{ id: 'a', event_name: 'Purchase' }, { id: 'b' }, 7] };
    const webhook = read(
      change('automatic_events', event),
      change('automatic_events', event, 'stranger'),
      change('account_update', {}),
      change('x'.repeat(5_000), {}),
    );
    expect(webhook).toMatchObject({ changes: 4, strangers: ['stranger'], malformed: 1 });
    expect(webhook.events.map(({ messageId }) => messageId)).toEqual(['a']);
    expect([...webhook.fields]).toEqual([
      ['automatic_events', 2],
      ['other', 2],
    ]);
  });
});

describe('the name of an event', () => {
  it.each([
    ['LeadSubmitted', 'whatsapp.lead_submitted'],
    ['Purchase', 'whatsapp.purchase'],
    ['AddToCart', 'whatsapp.add_to_cart'],
    ['HTTPRequest', 'whatsapp.http_request'],
    ['already_snake', 'whatsapp.already_snake'],
    ['with spaces and-dashes', 'whatsapp.with_spaces_and_dashes'],
    ['ÉtatChangé', 'whatsapp.état_changé'],
    ['注文', 'whatsapp.注文'],
    ['--', 'whatsapp.unnamed'],
    ['x'.repeat(1_000), `whatsapp.${'x'.repeat(200)}`],
  ])('%s is %s', (eventName, name) => expect(canonicalName(eventName)).toBe(name));
});

describe('the identity of an event', () => {
  const identityOf = (phoneNumberId: string, id: string, eventName: string) =>
    readAutomaticEvent({ id, event_name: eventName }, { phoneNumberId, wabaId: '' }, NOW)?.identity;

  it('is of number, message and name, and meets no other', () => {
    expect(identityOf('1', 'wamid.A=', 'Purchase')).toBe('1:wamid.A=:Purchase');
    const part = fc.stringMatching(/^[a:%3A]{1,4}$/);
    fc.assert(
      fc.property(fc.tuple(part, part, part), fc.tuple(part, part, part), (one, other) => {
        return (identityOf(...one) === identityOf(...other)) === (one.join('\n') === other.join('\n'));
      }),
    );
  });

  it('fits a unique id, however long its parts are', () => {
    const [one, other] = ['a', 'b'].map((end) => identityOf('1', 'x'.repeat(900) + end, 'Purchase')!);
    expect(one).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(one).not.toBe(other);
  });
});

describe('the moment of an event', () => {
  const at = (timestamp: unknown) =>
    readAutomaticEvent({ id: 'a', event_name: 'b', timestamp }, { phoneNumberId: '1', wabaId: '' }, NOW)
      ?.occurredAtMs;

  it.each([
    [1_749_069_131, 1_749_069_131_000],
    ['1749069131', 1_749_069_131_000],
    [NOW / 1_000 + 299, NOW + 299_000],
  ])('%p is %p', (timestamp, ms) => expect(at(timestamp)).toBe(ms));

  it.each([undefined, null, 'soon', 1.5, -1, NOW, NOW / 1_000 + 400, 1_000_000_000])(
    '%p is that of its receipt',
    (timestamp) => expect(at(timestamp)).toBeUndefined(),
  );
});

describe('messages', () => {
  it('name their sender by number, by user id, or by both', () => {
    const contacts = [{ wa_id: '33612345678', user_id: 'FR.1', profile: { name: 'Ada' } }];
    const from = (message: object, known: object[] = contacts) =>
      readMessages({ contacts: known, messages: [{ id: 'm', ...message }] }, place)[0]?.user;
    expect(from({ from: '33612345678' })).toEqual({ waId: '33612345678', userId: 'FR.1', name: 'Ada' });
    expect(from({ from_user_id: 'FR.1' })).toEqual({ waId: '33612345678', userId: 'FR.1', name: 'Ada' });
    expect(from({})).toEqual({ waId: '33612345678', userId: 'FR.1', name: 'Ada' });
    expect(from({ from: 'FR.2' })).toEqual({ userId: 'FR.2' });
    expect(from({ from: '33699999999' })).toEqual({ waId: '33699999999' });
    expect(from({}, [])).toBeUndefined();
  });

  it('of the system are none', () => {
    expect(readMessages({ messages: [{ id: 'm', from: '33612345678', type: 'system' }] }, place)).toEqual([]);
  });

  it('keep of an ad what names it', () => {
    const referral = {
      ctwa_clid: 'c',
      source_id: 12,
      source_type: 'ad',
      headline: '',
      body: 'x',
      image_url: 'y',
    };
    const [message] = readMessages({ messages: [{ id: 'm', from: '33612345678', referral }] }, place);
    expect(message).toEqual({
      messageId: 'm',
      phoneNumberId: OURS,
      user: { waId: '33612345678' },
      direction: 'inbound',
      occurredAtMs: NOW,
      referral: { ctwaClid: 'c', sourceId: '12', sourceType: 'ad' },
    });
  });
});

describe('statuses', () => {
  it.each([
    [
      'trackline/01a1feb0-47fe-700c-980c-8fef36d025d6/01a1feb0-4800-700c-980c-8fef36d025d6/a1',
      {
        campaign: { type: 'automation', id: '01a1feb0-47fe-700c-980c-8fef36d025d6' },
        executionId: '01a1feb0-4800-700c-980c-8fef36d025d6',
      },
    ],
    ['somebody else’s', {}],
    [undefined, {}],
  ])('of a message with the mark %p say which automation sent it, in which execution', (mark, expected) => {
    const told = {
      id: 'm',
      status: 'delivered',
      recipient_id: '33612000000',
      biz_opaque_callback_data: mark,
    };
    const [seen] = readStatuses({ statuses: [told] }, { phoneNumberId: '1', receivedAtMs: NOW });
    const { campaign, executionId } = touchOfMessage('o', 'c', seen!);
    expect({ campaign, executionId }).toEqual(expected);
  });

  it('tell what became of a message, and other words tell nothing', () => {
    const told = ['sent', 'delivered', 'read', 'played', 'failed', 'deleted', 'warning', 7].map((status) => ({
      id: 'm',
      status,
      recipient_id: '33612345678',
    }));
    const seen = readStatuses({ statuses: told }, place);
    expect(seen.map(({ status }) => status)).toEqual(['sent', 'delivered', 'read', 'read', 'failed']);
    expect(readStatuses({ statuses: [{ id: 'm', status: 'sent' }] }, place)).toEqual([]);
    expect(
      readStatuses({ statuses: [{ id: 'm', status: 'sent', recipient_user_id: 'FR.1' }] }, place),
    ).toMatchObject([{ user: { userId: 'FR.1' } }]);
  });
});
