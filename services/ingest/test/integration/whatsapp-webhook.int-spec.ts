import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { clientNamedEventId, type EventFacts } from '@trackline/contracts';
import { createPool } from '@trackline/postgres';
import { eventually, uniqueName } from '@trackline/testkit';
import { startHarness, type Harness, type Organization } from './harness.ts';
import {
  APP_SECRET,
  connectMeta,
  lead,
  message,
  purchase,
  signatureOf,
  status,
  VERIFY_TOKEN,
  type Meta,
} from './meta.ts';

/** Real work on a machine that may be busy with other things. */
jest.setTimeout(60_000);

let door: Harness;
let org: Organization;
let meta: Meta;
beforeAll(async () => {
  door = await startHarness();
  org = await door.organization();
  meta = await connectMeta(door, org);
}, 60_000);
afterAll(() => door?.stop(), 60_000);

const wamid = () => `wamid.${uniqueName('HBgL')}=`;
let phones = 33_612_000_000;
const newPhone = () => String((phones += 1));
const eventsOf = (messageId: string): (EventFacts & { told: Record<string, unknown> })[] =>
  door.backstage.received.flatMap((event) => {
    const told = JSON.parse(String(event.properties)) as Record<string, unknown>;
    return told.message_id === messageId ? [{ ...event, told }] : [];
  });
const eventOf = (messageId: string) => eventually(() => eventsOf(messageId)[0]);
const touchesOf = (messageId: string) =>
  door.backstage.touches.filter((touch) => touch.messageId === messageId);
const contactOf = async (id: string) => (await org.get(`/v1/contacts/${id}`)).json;

describe('the handshake', () => {
  const ask = (query: Record<string, string>, channelId = meta.channelId) =>
    door.call('GET', `/webhooks/whatsapp/${channelId}?${new URLSearchParams(query)}`);
  const right = { 'hub.mode': 'subscribe', 'hub.verify_token': VERIFY_TOKEN, 'hub.challenge': '1158201444' };

  it('gives the challenge back, as text', async () => {
    const answer = await ask(right);
    expect([answer.status, answer.text, answer.headers.get('content-type')]).toEqual([
      200,
      '1158201444',
      'text/plain; charset=utf-8',
    ]);
  });

  it.each([
    ['another token', { ...right, 'hub.verify_token': 'x' }],
    ['no token', { 'hub.mode': 'subscribe', 'hub.challenge': '1' }],
    ['another mode', { ...right, 'hub.mode': 'unsubscribe' }],
    ['nothing', {}],
  ])('is 403 with %s', async (_, query) => {
    const answer = await ask(query as Record<string, string>);
    expect([answer.status, answer.json.code]).toEqual([403, 'FORBIDDEN']);
  });

  it('is 403 for a channel that there is not, also with an empty token', async () => {
    expect((await ask({ ...right, 'hub.verify_token': '' }, 'nobody')).status).toBe(403);
  });
});

describe('Meta’s documented payloads', () => {
  it('LeadSubmitted by a click on an ad', async () => {
    const id = wamid();
    const automatic = { id, event_name: 'LeadSubmitted', timestamp: 1_749_069_089, ctwa_clid: 'Afc3nYt4' };
    const answer = await meta.send(meta.payload('automatic_events', { automatic_events: [automatic] }));
    expect([answer.status, answer.json]).toEqual([200, { success: true }]);
    const event = await eventOf(id);
    const source = `/organizations/${org.id}/whatsapp`;
    const identity = `${meta.phoneNumberId}:${id}:LeadSubmitted`;
    expect(event).toMatchObject({
      name: 'whatsapp.lead_submitted',
      source,
      clientId: identity,
      uniqueId: identity,
      eventId: clientNamedEventId(org.id, source, identity),
      occurredAtMs: 1_749_069_089_000,
      backfill: false,
    });
    expect(event.told).toEqual({
      event_name: 'LeadSubmitted',
      message_id: id,
      ctwa_clid: 'Afc3nYt4',
      phone_number_id: meta.phoneNumberId,
      waba_id: meta.wabaId,
    });
  });

  it.each([
    [25_000, 'USD', '25.00'],
    ['25000', 'USD', '25.00'],
    [25_000, 'JPY', '25'],
    [1_234_567, 'KWD', '1234.567'],
    ['123456789012345', 'EUR', '123456789012.345'],
  ])(
    'Purchase of %p %s is %s, without ctwa_clid for an ad in WhatsApp Status',
    async (value, currency, price) => {
      const id = wamid();
      await meta.send(meta.payload('automatic_events', purchase(id, { custom_data: { currency, value } })));
      const event = await eventOf(id);
      expect(event.name).toBe('whatsapp.purchase');
      expect(event.told).toEqual({
        event_name: 'Purchase',
        message_id: id,
        phone_number_id: meta.phoneNumberId,
        waba_id: meta.wabaId,
        currency,
        value: price,
      });
    },
  );

  it.each([
    ['AddToCart', 'whatsapp.add_to_cart'],
    ['order_created', 'whatsapp.order_created'],
    ['QRScan2Pay', 'whatsapp.qr_scan2_pay'],
    ['¿?', 'whatsapp.unnamed'],
  ])('a name that nobody has heard of, %s, is kept as %s', async (event_name, name) => {
    const id = wamid();
    await meta.send(meta.payload('automatic_events', lead(id, { event_name })));
    expect((await eventOf(id)).name).toBe(name);
  });
});

describe('the signature', () => {
  it('is over the bytes as sent: escaped unicode, odd white space, and one byte flipped', async () => {
    const id = wamid();
    const text = JSON.stringify(meta.payload('automatic_events', lead(id, { note: 'é' })), null, 1).replace(
      'é',
      '\\u00e9',
    );
    expect((await meta.send(text)).status).toBe(200);
    await eventOf(id);
    const flipped = Buffer.from(text);
    for (const at of [0, 40, flipped.length - 1]) {
      flipped[at]! ^= 1;
      const answer = await meta.send(flipped.toString('latin1'), { signature: signatureOf(text) });
      expect([answer.status, answer.json.code]).toEqual([401, 'UNAUTHORIZED']);
      flipped[at]! ^= 1;
    }
  });

  it.each([
    ['missing', null],
    ['another app’s', signatureOf('{}', 'another')],
    ['without its prefix', signatureOf('{}').slice(7)],
    ['of SHA-1', 'sha1=0000000000000000000000000000000000000000'],
    ['too short', 'sha256=00'],
    ['no hexadecimal', `sha256=${'z'.repeat(64)}`],
  ])('that is %s is 401', async (_, signature) => {
    expect((await meta.send('{}', { signature })).status).toBe(401);
  });

  it('in capitals is right, and what it signs must be JSON', async () => {
    const signature = `sha256=${signatureOf('{}').slice(7).toUpperCase()}`;
    expect((await meta.send('{}', { signature })).status).toBe(200);
    expect((await meta.send('{')).status).toBe(400);
    expect((await meta.send('[]')).status).toBe(200);
    expect((await meta.send('null')).status).toBe(200);
  });

  it('is judged by the secret that holds now', async () => {
    const own = await connectMeta(door, org);
    const path = `/v1/admin/organizations/${org.id}/channels/${own.channelId}`;
    await door.call('PATCH', path, { key: door.config.adminToken, body: { appSecret: 'another' } });
    expect((await own.send('{}')).status).toBe(401);
    expect((await own.send('{}', { signature: signatureOf('{}', 'another') })).status).toBe(200);
    await door.call('DELETE', path, { key: door.config.adminToken });
    expect((await own.send('{}')).status).toBe(404);
  });
});

describe('what Meta repeats', () => {
  it('20 times in parallel, to two instances, is one event and 20 × 200', async () => {
    const { call } = await door.another();
    const id = wamid();
    const payload = meta.payload('automatic_events', purchase(id, { ctwa_clid: id }));
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => meta.send(payload, { call: at % 2 ? call : door.call })),
    );
    expect(answers.map(({ status: code }) => code)).toEqual(Array(20).fill(200));
    const events = await eventually(() => eventsOf(id).length === 20 && eventsOf(id));
    expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(1);
    expect(new Set(events.map(({ contactId }) => contactId)).size).toBe(1);
  });
});

describe('fields and numbers', () => {
  it('that nobody knows, and changes in any shape, are acknowledged', async () => {
    const shapes = [
      1,
      null,
      '"x"',
      [],
      {},
      { entry: 1 },
      { entry: [null, { changes: 'x' }, { changes: [null, 1, {}] }] },
    ];
    for (const shape of shapes) expect((await meta.send(shape)).status).toBe(200);
    expect((await meta.send(meta.payload('account_alerts', { a: 1 }))).status).toBe(200);
    expect(
      (await meta.send(meta.payload('automatic_events', { automatic_events: [1, {}, { id: 'x' }] }))).status,
    ).toBe(200);
    const metrics = await door.call('GET', '/metrics');
    expect(metrics.text).toMatch(/trackline_whatsapp_changes_total\{[^}]*field="other"[^}]*\} [1-9]/);
    expect(metrics.text).toMatch(/trackline_whatsapp_items_total\{[^}]*outcome="malformed"[^}]*\} [1-9]/);
  });

  it('of another number of the organisation are taken, a stranger’s are refused one by one', async () => {
    const second = await connectMeta(door, org);
    const stranger = await connectMeta(door, await door.organization());
    const [mine, theirs, foreign] = [wamid(), wamid(), wamid()];
    const entry = [
      ...(meta.payload('automatic_events', lead(mine)) as { entry: object[] }).entry,
      ...(stranger.payload('automatic_events', lead(foreign)) as { entry: object[] }).entry,
      ...(second.payload('automatic_events', lead(theirs)) as { entry: object[] }).entry,
    ];
    expect((await meta.send({ entry })).status).toBe(200);
    await eventOf(mine);
    expect((await eventOf(theirs)).told.phone_number_id).toBe(second.phoneNumberId);
    expect(eventsOf(foreign)).toEqual([]);
    const metrics = await door.call('GET', '/metrics');
    expect(metrics.text).toMatch(/trackline_whatsapp_items_total\{[^}]*outcome="foreign_number"[^}]*\} 1/);
  });

  it('more than 1,000, or more than 3 MB, are 413', async () => {
    const many = meta.payload('other', ...Array.from({ length: 1_001 }, () => ({})));
    expect((await meta.send(many)).status).toBe(413);
    expect((await meta.send({ x: 'x'.repeat(3 * 1024 * 1024) })).status).toBe(413);
  });

  it('3 MB with 1,000 changes are taken in one go', async () => {
    const padding = 'x'.repeat(2_700);
    const ids = Array.from({ length: 1_000 }, () => wamid());
    const changes = ids.map((id) => ({ ...purchase(id, { ctwa_clid: id }), padding }));
    const body = JSON.stringify(meta.payload('automatic_events', ...changes));
    expect(body.length).toBeGreaterThan(2.9 * 1024 * 1024);
    expect(body.length).toBeLessThan(3 * 1024 * 1024);
    expect((await meta.send(body)).status).toBe(200);
    const mine = new Set(ids);
    const taken = () =>
      door.backstage.received
        .map(({ properties }) => (JSON.parse(String(properties)) as { message_id?: string }).message_id ?? '')
        .filter((id) => mine.has(id));
    await eventually(() => taken().length >= ids.length);
    expect(taken().sort()).toEqual([...ids].sort());
  });
});

describe('whose an event is', () => {
  it('is told by the message of the customer', async () => {
    const [id, phone] = [wamid(), newPhone()];
    await meta.send(meta.payload('messages', message(id, phone)));
    await meta.send(meta.payload('automatic_events', lead(id)));
    const event = await eventOf(id);
    expect(await contactOf(event.contactId)).toMatchObject({ phone: `+${phone}`, firstName: 'Ada' });
  });

  it('is told by the status of a message of the business, and in the same request', async () => {
    const [id, phone] = [wamid(), newPhone()];
    const value = { ...status(id, phone), ...lead(id) };
    const { entry } = meta.payload('messages', value) as { entry: { changes: object[] }[] };
    const automatic = meta.payload('automatic_events', lead(id)) as { entry: object[] };
    await meta.send({ entry: [...automatic.entry, ...entry] });
    expect(await contactOf((await eventOf(id)).contactId)).toMatchObject({ phone: `+${phone}` });
  });

  it('is told by the click on the ad that brought the customer', async () => {
    const [id, phone, click] = [wamid(), newPhone(), uniqueName('clid')];
    await meta.send(
      meta.payload(
        'messages',
        message(wamid(), phone, { referral: { ctwa_clid: click, source_id: '12', source_type: 'ad' } }),
      ),
    );
    await meta.send(meta.payload('automatic_events', purchase(id, { ctwa_clid: click })));
    expect(await contactOf((await eventOf(id)).contactId)).toMatchObject({ phone: `+${phone}` });
  });

  it('of an older Mexican or Brazilian form is that of the newer', async () => {
    for (const [waId, phone] of [
      ['5215555550101', '+525555550101'],
      ['551187650102', '+5511987650102'],
    ] as const) {
      const made = await org.post('/v1/contacts', { phone });
      const id = wamid();
      await meta.send(meta.payload('messages', message(id, waId)));
      await meta.send(meta.payload('automatic_events', lead(id)));
      expect((await eventOf(id)).contactId).toBe(made.json.id);
    }
  });

  it('is told by the user id alone, and stays one person when the number comes', async () => {
    const [id, userId, phone] = [wamid(), `US.${uniqueName('1349')}`, newPhone()];
    const sender = { profile: { name: 'Ada', username: '@ada' }, user_id: userId };
    const messages = [{ from_user_id: userId, id, timestamp: '1760000000', type: 'text' }];
    await meta.send(meta.payload('messages', { contacts: [sender], messages }));
    await meta.send(meta.payload('automatic_events', lead(id)));
    const event = await eventOf(id);
    const later = wamid();
    await meta.send(
      meta.payload('messages', {
        contacts: [{ ...sender, wa_id: phone }],
        messages: [{ from: phone, from_user_id: userId, id: later, timestamp: '1760000001', type: 'text' }],
      }),
    );
    const known = await eventually(() => touchesOf(later)[0]);
    expect(await contactOf(known.contactId)).toMatchObject({ phone: `+${phone}` });
    expect((await contactOf(event.contactId)).id).toBe(known.contactId);
  });

  it('who was erased brings nobody back', async () => {
    const [id, phone] = [wamid(), newPhone()];
    await meta.send(meta.payload('messages', message(id, phone)));
    const { contactId } = await eventually(() => touchesOf(id)[0]);
    expect((await door.call('DELETE', `/v1/contacts/${contactId}`, { key: org.key })).status).toBe(202);
    expect((await meta.send(meta.payload('automatic_events', lead(id)))).status).toBe(200);
    expect((await meta.send(meta.payload('messages', message(id, phone)))).status).toBe(200);
    const found = await org.get(`/v1/contacts?phone=${encodeURIComponent(`+${phone}`)}`);
    expect([eventsOf(id), found.json.items]).toEqual([[], []]);
  });

  it('who was erased is not brought back by what is told late of a message, though another had made them', async () => {
    const [id, phone] = [wamid(), newPhone()];
    const made = await org.post('/v1/contacts', { phone });
    await meta.send(meta.payload('statuses', status(id, phone, 'sent')));
    await eventually(() => touchesOf(id)[0]);
    await door.call('DELETE', `/v1/contacts/${made.json.id}`, { key: org.key });
    expect((await meta.send(meta.payload('statuses', status(id, phone, 'read')))).status).toBe(200);
    const found = await org.get(`/v1/contacts?phone=${encodeURIComponent(`+${phone}`)}`);
    expect([touchesOf(id).length, found.json.items]).toEqual([1, []]);
  });
});

describe('events first, messages later', () => {
  it('a provisional contact becomes the person, in either order of look-ups', async () => {
    const [id, phone] = [wamid(), newPhone()];
    await meta.send(meta.payload('automatic_events', lead(id)));
    const { contactId } = await eventOf(id);
    expect(await contactOf(contactId)).toMatchObject({ id: contactId, provisional: true });
    await meta.send(meta.payload('messages', message(id, phone)));
    const person = await eventually(async () => {
      const found = await contactOf(contactId);
      return found.id !== contactId && found;
    });
    expect(person).toMatchObject({ phone: `+${phone}` });
    const later = await meta.send(meta.payload('automatic_events', purchase(id)));
    expect(later.status).toBe(200);
    const events = await eventually(() => eventsOf(id).length === 2 && eventsOf(id));
    expect(events[1]!.contactId).toBe(person.id);
  });

  it('several events of one click are one provisional contact, whom a later message of that click identifies', async () => {
    const [one, other, click, phone] = [wamid(), wamid(), uniqueName('clid'), newPhone()];
    await Promise.all([
      meta.send(meta.payload('automatic_events', lead(one, { ctwa_clid: click }))),
      meta.send(meta.payload('automatic_events', purchase(other, { ctwa_clid: click }))),
    ]);
    const [first, second] = [await eventOf(one), await eventOf(other)];
    expect(first.contactId).toBe(second.contactId);
    await meta.send(meta.payload('messages', message(wamid(), phone, { referral: { ctwa_clid: click } })));
    await eventually(async () => (await contactOf(first.contactId)).phone === `+${phone}`);
    // The other message of that click is known by now as well.
    const late = lead(other, { event_name: 'AddToCart' });
    await meta.send(meta.payload('automatic_events', late));
    const events = await eventually(() => eventsOf(other).length === 2 && eventsOf(other));
    expect(await contactOf(events[1]!.contactId)).toMatchObject({ phone: `+${phone}` });
  });

  it('raced: whatever comes first, each event ends at its person, and nobody is left over', async () => {
    const { call } = await door.another();
    const rounds = Array.from({ length: 25 }, () => ({
      id: wamid(),
      click: uniqueName('clid'),
      phone: newPhone(),
    }));
    await Promise.all(
      rounds.flatMap(({ id, click, phone }, at) => {
        const sends = [
          () => meta.send(meta.payload('automatic_events', lead(id, { ctwa_clid: click }))),
          () => meta.send(meta.payload('automatic_events', purchase(id, { ctwa_clid: click })), { call }),
          () =>
            meta.send(meta.payload('messages', message(id, phone, { referral: { ctwa_clid: click } })), {
              call,
            }),
          () => meta.send(meta.payload('messages', status(id, phone))),
        ];
        return (at % 2 ? sends : sends.reverse()).map((send) => send());
      }),
    ).then((answers) => expect(new Set(answers.map(({ status: code }) => code))).toEqual(new Set([200])));
    for (const { id, phone } of rounds) {
      const events = await eventually(() => eventsOf(id).length === 2 && eventsOf(id));
      for (const { contactId } of events)
        await eventually(async () => (await contactOf(contactId)).phone === `+${phone}`);
    }
  });

  it('a merge that an instance owed when it died is made by another', async () => {
    const [id, phone] = [wamid(), newPhone()];
    await meta.send(meta.payload('automatic_events', lead(id)));
    const { contactId } = await eventOf(id);
    const person = (await org.post('/v1/contacts', { phone })).json.id as string;
    const database = createPool({ databaseUrl: door.config.databaseUrl, max: 1, applicationName: 'test' });
    // What the link's transaction leaves behind, and nothing after it.
    const { rowCount } = await database.query({
      text: 'UPDATE ingest.provisional SET person_id = $1, identified_at = now() WHERE contact_id = $2',
      values: [person, contactId],
    });
    await database.close();
    expect(rowCount).toBe(1);
    await eventually(async () => (await contactOf(contactId)).id === person);
  });

  it('a person is never merged into another, whatever messages say', async () => {
    const [id, one, other] = [wamid(), newPhone(), newPhone()];
    await meta.send(meta.payload('messages', message(id, one)));
    await meta.send(meta.payload('messages', message(id, other)));
    const phones = await Promise.all(
      [one, other].map(
        async (phone) => (await org.get(`/v1/contacts?phone=%2B${phone}`)).json.items[0].phone,
      ),
    );
    expect(phones).toEqual([`+${one}`, `+${other}`]);
  });
});

describe('conversations', () => {
  it('are told of messages and statuses, named by what they tell', async () => {
    const [id, phone] = [wamid(), newPhone()];
    const referral = { ctwa_clid: 'c', source_id: '120', source_type: 'ad', headline: 'Cups!' };
    await meta.send(meta.payload('messages', message(id, phone, { referral })));
    const inbound = await eventually(() => touchesOf(id)[0]);
    expect(inbound).toMatchObject({
      organizationId: org.id,
      direction: 'inbound',
      source: 'meta',
      phoneNumberId: meta.phoneNumberId,
      campaign: { type: 'ad', id: '120', name: 'Cups!' },
      referral: { ctwaClid: 'c', sourceId: '120', sourceType: 'ad', headline: 'Cups!' },
    });
    const sent = wamid();
    const words = ['sent', 'delivered', 'read', 'failed', 'deleted', 'played'];
    await meta.send(meta.payload('statuses', ...words.map((word) => status(sent, phone, word))));
    const touches = await eventually(() => touchesOf(sent).length === 5 && touchesOf(sent));
    expect(touches.map((touch) => touch.status).sort()).toEqual([
      'delivered',
      'failed',
      'read',
      'read',
      'sent',
    ]);
    expect(
      touches.every(
        ({ direction, contactId }) => direction === 'outbound' && contactId === inbound.contactId,
      ),
    ).toBe(true);
    await meta.send(meta.payload('messages', message(id, phone, { referral })));
    const again = await eventually(() => touchesOf(id).length === 2 && touchesOf(id));
    expect(again[0]!.id).toBe(again[1]!.id);
    // Messages are evidence, not events.
    expect(door.backstage.received.some(({ name }) => name.includes('message'))).toBe(false);
  });

  it('may be many at once: 1,000 messages of 1,000 new people', async () => {
    const ids = Array.from({ length: 1_000 }, () => wamid());
    const body = meta.payload('messages', ...ids.map((id) => message(id, newPhone())));
    expect((await meta.send(body)).status).toBe(200);
    expect((await meta.send(body)).status).toBe(200);
    await eventually(() => touchesOf(ids.at(-1)!)[0]);
  });
});

it('a secret of a channel is never told', async () => {
  const listed = await door.call('GET', `/v1/admin/organizations/${org.id}/channels`, {
    key: door.config.adminToken,
  });
  expect(listed.status).toBe(200);
  expect(listed.text).not.toContain(APP_SECRET);
  expect(listed.text).not.toContain(VERIFY_TOKEN);
  expect(listed.json.items.at(-1)).toMatchObject({
    phoneNumberId: meta.phoneNumberId,
    webhookPath: `/webhooks/whatsapp/${meta.channelId}`,
    appSecret: '…ests',
  });
});
