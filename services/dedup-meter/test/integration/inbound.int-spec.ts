import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { clientNamedEventId, INBOUND } from '@trackline/contracts';
import type { OutgoingMessage } from '@trackline/kafka';
import { eventually, uniqueName } from '@trackline/testkit';
import { MeterRig, type Customer } from './meter-rig.ts';

jest.setTimeout(30_000);

let rig: MeterRig;

beforeAll(async () => {
  rig = await MeterRig.open();
  await rig.start();
});

afterAll(() => rig?.close());

type Inbound = Omit<OutgoingMessage, 'topic' | 'partition'>;

const sourceOf = ({ organization }: Customer) => `/organizations/${organization.id}/warehouse`;

/** A sound message, but for what is said. */
function message(
  customer: Customer,
  body: unknown,
  headers: Record<string, string | Buffer | undefined> = {},
): Inbound {
  const all = {
    ce_specversion: '1.0',
    ce_id: uniqueName('id'),
    ce_source: sourceOf(customer),
    ce_type: 'com.trackline.event.track',
    'content-type': 'application/json',
    ...headers,
  };
  return {
    key: `${customer.organization.id}:x`,
    value: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
    headers: Object.fromEntries(
      Object.entries(all).filter(([, value]) => value !== undefined),
    ) as Inbound['headers'],
  };
}

const letters = (customer: Customer) =>
  rig
    .messages(`${INBOUND}.dlq`)
    .map(({ message: letter }) => letter)
    .filter(({ key }) => String(key).startsWith(customer.organization.id));

describe('the Kafka door', () => {
  it('admits events of contacts by any identifier, and names them by source and ce_id', async () => {
    const customer = await rig.customer();
    const { organization, contactId } = customer;
    const externalId = uniqueName('ext');
    const known = await rig.contact(organization.id, externalId);
    const occurredAt = new Date(Date.now() - 60_000).toISOString();
    await rig.inbound(
      message(customer, { name: 'a', contactId }, { ce_id: 'one', ce_time: occurredAt }),
      message(customer, { name: 'b', contactExternalId: externalId, properties: { x: [1, { y: null }] } }),
      message(customer, {
        name: 'c',
        contactEmail: 'New@Example.com ',
        createIfMissing: true,
        contactName: 'Neo',
      }),
      message(customer, { name: 'd', contactEmail: 'new@example.com', uniqueId: 'u', backfill: true }),
      message(customer, { name: 'e', contactPhone: '+49 151 23456789', createIfMissing: true }),
    );
    const { admitted } = await rig.verdicts(customer, 5);
    const byName = Object.fromEntries(admitted.map((event) => [event.name, event]));
    expect(byName.a).toMatchObject({
      eventId: clientNamedEventId(organization.id, sourceOf(customer), 'one'),
      clientId: 'one',
      source: sourceOf(customer),
      contactId,
      occurredAtMs: Date.parse(occurredAt),
    });
    expect(byName.b).toMatchObject({ contactId: known });
    expect(JSON.parse(String(byName.b!.properties))).toEqual({ x: [1, { y: null }] });
    expect(byName.b!.occurredAtMs).toBe(byName.b!.receivedAtMs);
    expect(byName.d).toMatchObject({ contactId: byName.c!.contactId, uniqueId: 'u', backfill: true });
    expect(await rig.used(customer)).toBe(5);
  });

  it('hands numbers on as they were sent, of its own messages and of those that came over HTTP', async () => {
    const customer = await rig.customer();
    const { contactId } = customer;
    const properties = '{"order_total":10.50,"id":9007199254740993}';
    await rig.inbound(
      message(customer, `{"name":"a","contactId":"${contactId}","properties": ${properties}}`),
    );
    await rig.receive(rig.event(customer, { name: 'b', properties }));
    const { admitted } = await rig.verdicts(customer, 2);
    expect(admitted.map((event) => String(event.properties))).toEqual([properties, properties]);
  });

  it('takes the same ce_id for a resend, and the same unique id for a duplicate, whichever door the first came by', async () => {
    const customer = await rig.customer();
    const { contactId } = customer;
    const overHttp = rig.event(customer, { name: 'order', uniqueId: '7' });
    await rig.receive(overHttp);
    await rig.verdicts(customer, 1);
    await rig.inbound(
      message(customer, { name: 'order', contactId, uniqueId: '7' }),
      message(customer, { name: 'order', contactId, uniqueId: '8' }, { ce_id: 'same' }),
      message(customer, { name: 'order', contactId, uniqueId: '8' }, { ce_id: 'same' }),
    );
    const { admitted, refused } = await rig.verdicts(customer, 4);
    expect(refused).toMatchObject([{ refusal: { duplicateOf: overHttp.eventId } }]);
    expect(admitted.map(({ replayOf }) => replayOf !== undefined)).toEqual([false, false, true]);
    expect(await rig.used(customer)).toBe(2);
  });

  it('keeps what is broken, as it came, with a reason that a person understands; the rest of the batch goes on', async () => {
    const customer = await rig.customer();
    const { contactId } = customer;
    const good = { name: 'good', contactId };
    let deep: unknown = 1;
    for (let i = 0; i < 12; i++) deep = { deep };
    const broken: [Inbound, reason: string, detail: RegExp][] = [
      [message(customer, good, { ce_specversion: undefined }), 'undecodable', /"ce_specversion" is missing/],
      [message(customer, good, { ce_id: undefined }), 'undecodable', /"ce_id" is missing/],
      [message(customer, good, { ce_source: '/elsewhere' }), 'undecodable', /must be \/organizations\/<id>/],
      [message(customer, good, { ce_type: 'com.other' }), 'undecodable', /must be com.trackline.event.track/],
      [message(customer, '{"name":'), 'undecodable', /not valid JSON/],
      [message(customer, Buffer.from([0x7b, 0xff, 0x7d])), 'undecodable', /not valid UTF-8/],
      [
        message(customer, good, { 'content-type': 'application/cloudevents+json' }),
        'undecodable',
        /structured mode/,
      ],
      [message(customer, { contactId }), 'invalid', /^\/name: /],
      [message(customer, { ...good, properties: [] }), 'invalid', /^\/properties: /],
      [message(customer, { ...good, properties: { deep } }), 'invalid', /deeper than 10/],
      [message(customer, { ...good, properties: { x: 'x'.repeat(70_000) } }), 'invalid', /larger than 64 KB/],
      [message(customer, { ...good, name: 'a\0b' }), 'invalid', /NUL/],
      [message(customer, { ...good, occurredAt: 'yesterday' }), 'invalid', /ISO 8601/],
      [message(customer, { ...good, occurredAt: '2019-01-01T00:00:00Z' }), 'invalid', /24 months/],
      [message(customer, { name: 'x' }), 'contact_not_found', /None of contactId/],
      [message(customer, { name: 'x', contactId: 'nobody' }), 'contact_not_found', /no contact/i],
      [message(customer, { name: 'x', contactEmail: 'no@body.example' }), 'contact_not_found', /no contact/i],
      [
        message(customer, good, { ce_source: '/organizations/0198c0de-0000-7000-8000-000000000000/x' }),
        'unknown_organization',
        /no organization/,
      ],
    ];
    await rig.inbound(...broken.flatMap(([bad]) => [bad, message(customer, good)]));
    const { admitted } = await rig.verdicts(customer, broken.length);
    expect(admitted.every(({ name }) => name === 'good')).toBe(true);
    const found = await eventually(() => letters(customer).length >= broken.length && letters(customer));
    expect(found.map(({ headers }) => String(headers['dlq-reason']))).toEqual(
      broken.map(([, reason]) => reason),
    );
    found.forEach((letter, at) => {
      const [sent, , detail] = broken[at]!;
      expect(String(letter.headers['dlq-detail'])).toMatch(detail);
      expect(letter.value).toEqual(Buffer.from(sent.value as string | Buffer));
      expect(String(letter.headers.ce_type)).toBe(String(sent.headers.ce_type));
      expect(String(letter.headers['dlq-source-topic'])).toBe(INBOUND);
    });
    expect(await rig.used(customer)).toBe(broken.length);
  });
});
