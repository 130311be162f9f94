import { encodeReceived, INBOUND, partitionOf } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import type { OutgoingMessage } from '@trackline/kafka';
import { PARTITIONS, type Stage } from '../stage/stage.ts';

const ORGANIZATIONS = 50;
const CONTACTS_OF_EACH = 40;
/** Every so manieth event carries a unique id, and every so manieth of those one that was sent before. */
const UNIQUE_EVERY = 10;
const REPEAT_EVERY = 10;
const PUBLISHED_AT_ONCE = 5_000;

export interface Customer {
  readonly organizationId: string;
  readonly contactIds: readonly string[];
}

export interface Filled {
  readonly sent: number;
  readonly duplicates: number;
}

/** Organisations with a plan that has a cap, far above what is sent: each verdict compares with it. */
export async function makeCustomers({ directory }: Stage): Promise<Customer[]> {
  const customers: Customer[] = [];
  for (let at = 0; at < ORGANIZATIONS; at += 1) {
    const { id } = await directory.createOrganization({ name: `bench ${at}`, plan: 'scale' });
    const outcomes = await directory.upsertContacts(
      id,
      Array.from({ length: CONTACTS_OF_EACH }, (_, i) => ({ externalId: `c${i}` })),
    );
    const contactIds = outcomes.map((outcome) => {
      if (!('contact' in outcome)) throw new Error(`A contact was not made: ${JSON.stringify(outcome)}`);
      return outcome.contact.id;
    });
    customers.push({ organizationId: id, contactIds });
  }
  return customers;
}

interface Planned {
  readonly customer: Customer;
  readonly contact: number;
  readonly uniqueId: string | undefined;
}

function plan(customers: readonly Customer[], count: number): { planned: Planned[]; filled: Filled } {
  let duplicates = 0;
  const planned = Array.from({ length: count }, (_, n): Planned => {
    const customer = customers[n % customers.length]!;
    const round = Math.floor(n / customers.length);
    const contact = round % CONTACTS_OF_EACH;
    if (round % UNIQUE_EVERY !== 0) return { customer, contact, uniqueId: undefined };
    const unique = round / UNIQUE_EVERY;
    // The repeat of the one before, by the same contact: within its partition, so that the first is always the first.
    const isRepeat = unique % REPEAT_EVERY === 1;
    if (isRepeat) duplicates += 1;
    return {
      customer,
      contact: isRepeat ? (round - UNIQUE_EVERY) % CONTACTS_OF_EACH : contact,
      uniqueId: `u${isRepeat ? unique - 1 : unique}`,
    };
  });
  return { planned, filled: { sent: count, duplicates } };
}

/** As large as a page view with a few properties is. */
const PROPERTIES = JSON.stringify({
  path: '/prices',
  referrer: 'https://example.com/a/b/c',
  total: 49.9,
  tags: ['a', 'b'],
  note: 'x'.repeat(60),
});

/** As ingest writes them. */
export async function fillReceived(
  stage: Stage,
  customers: readonly Customer[],
  count: number,
): Promise<Filled> {
  const { planned, filled } = plan(customers, count);
  await publish(stage, planned, ({ customer: { organizationId, contactIds }, contact, uniqueId }) => {
    const message = encodeReceived({
      eventId: uuidv7(),
      organizationId,
      contactId: contactIds[contact]!,
      name: 'page_viewed',
      source: `/organizations/${organizationId}/http`,
      backfill: false,
      properties: PROPERTIES,
      ...(uniqueId === undefined ? {} : { uniqueId }),
    });
    return { ...message, partition: partitionOf(message.key!, PARTITIONS.contact) };
  });
  return filled;
}

/** As a direct producer writes them. */
export async function fillInbound(
  stage: Stage,
  customers: readonly Customer[],
  count: number,
): Promise<Filled> {
  const { planned, filled } = plan(customers, count);
  let serial = 0;
  const properties = JSON.parse(PROPERTIES) as object;
  await publish(stage, planned, ({ customer: { organizationId }, contact, uniqueId }) => {
    const key = `${organizationId}:c${contact}`;
    return {
      topic: INBOUND,
      key,
      partition: partitionOf(key, PARTITIONS.contact),
      value: JSON.stringify({ name: 'page_viewed', contactExternalId: `c${contact}`, properties, uniqueId }),
      headers: {
        ce_specversion: '1.0',
        ce_id: `bench-${(serial += 1)}`,
        ce_source: `/organizations/${organizationId}/bench`,
        ce_type: 'com.trackline.event.track',
        'content-type': 'application/json',
      },
    };
  });
  return filled;
}

async function publish(
  { publisher }: Stage,
  planned: readonly Planned[],
  encode: (event: Planned) => OutgoingMessage,
): Promise<void> {
  for (let from = 0; from < planned.length; from += PUBLISHED_AT_ONCE)
    await publisher.publish(planned.slice(from, from + PUBLISHED_AT_ONCE).map(encode));
}
