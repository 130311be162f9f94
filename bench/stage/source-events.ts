import { contactKey, encodeReceived, INBOUND, partitionOf } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import type { OutgoingMessage } from '@trackline/kafka';
import { PARTITIONS, type Stage } from './stage.ts';

/** Who sends, and what is the same in it. */
export interface Mix {
  readonly organizations: number;
  readonly contactsOfEach: number;
  /** Every so manieth event of an organisation carries a unique id; 0: none does. */
  readonly uniqueEvery: number;
  /** Every so manieth of those repeats the one before. */
  readonly repeatEvery: number;
  /** What the nth event of an organisation is called. */
  nameOf(n: number): string;
}

export const USUAL_NAME = 'page_viewed';
export const USUAL_MIX: Mix = {
  organizations: 50,
  contactsOfEach: 40,
  uniqueEvery: 10,
  repeatEvery: 10,
  nameOf: () => USUAL_NAME,
};
const PUBLISHED_AT_ONCE = 5_000;
const MADE_AT_ONCE = 4;

export interface Customer {
  readonly organizationId: string;
  readonly contactIds: readonly string[];
}

/** Where verdicts of a source go: per own partition of the consumer and source partition, the offsets of the source, rising. */
export type Verdicts = ReadonlyMap<string, readonly number[]>;
export const pairOf = (own: number, source: number): string => `${own}/${source}`;

export interface Filled {
  readonly sent: number;
  readonly duplicates: number;
  readonly admitted: Verdicts;
  readonly refused: Verdicts;
}

/** Organisations with a plan that has a cap, far above what is sent: each verdict compares with it. */
export async function makeCustomers(stage: Stage, mix: Mix = USUAL_MIX): Promise<Customer[]> {
  const customers: Customer[] = [];
  let next = 0;
  const makeSome = async () => {
    while (next < mix.organizations) {
      next += 1;
      customers.push(await makeCustomer(stage, next, mix.contactsOfEach));
    }
  };
  await Promise.all(Array.from({ length: MADE_AT_ONCE }, makeSome));
  return customers;
}

const UPSERTED_AT_ONCE = 500;

async function makeCustomer({ directory }: Stage, number: number, contacts: number): Promise<Customer> {
  const { id } = await directory.createOrganization({
    name: `bench ${number}`,
    plan: 'custom',
    monthlyLimit: PLAN,
  });
  const contactIds: string[] = [];
  while (contactIds.length < contacts) {
    const from = contactIds.length;
    const items = Array.from({ length: Math.min(UPSERTED_AT_ONCE, contacts - from) }, (_, i) => ({
      externalId: `c${from + i}`,
      email: emailOf(number, from + i),
    }));
    for (const outcome of await directory.upsertContacts(id, items)) {
      if (!('contact' in outcome)) throw new Error(`A contact was not made: ${JSON.stringify(outcome)}`);
      contactIds.push(outcome.contact.id);
    }
  }
  return { organizationId: id, contactIds };
}

const PLAN = 100_000_000;
const emailOf = (organization: number, contact: number): string =>
  `c${contact}@bench-${organization}.example.com`;

export interface Planned {
  readonly customer: Customer;
  /** Its place among the customer's contacts. */
  readonly contact: number;
  readonly name: string;
  readonly uniqueId: string | undefined;
  readonly isRepeat: boolean;
}

/** Who sends what, in the order in which it is sent: customers take turns, and so do the contacts of each. */
export function planEvents(customers: readonly Customer[], count: number, mix: Mix): Planned[] {
  const { contactsOfEach, uniqueEvery, repeatEvery } = mix;
  return Array.from({ length: count }, (_, n): Planned => {
    const customer = customers[n % customers.length]!;
    const round = Math.floor(n / customers.length);
    const event = { customer, contact: round % contactsOfEach, name: mix.nameOf(round) };
    if (uniqueEvery === 0 || round % uniqueEvery !== 0)
      return { ...event, uniqueId: undefined, isRepeat: false };
    const unique = round / uniqueEvery;
    if (unique % repeatEvery !== 1) return { ...event, uniqueId: `u${unique}`, isRepeat: false };
    // Of the one before, by the same contact: within its partition, so that the first is always the first.
    const before = round - uniqueEvery;
    return {
      ...{ customer, contact: before % contactsOfEach, name: mix.nameOf(before) },
      ...{ uniqueId: `u${unique - 1}`, isRepeat: true },
    };
  });
}

/** As large as a page view with a few properties is. */
export const PROPERTIES = {
  path: '/prices',
  referrer: 'https://example.com/a/b/c',
  total: 49.9,
  tags: ['a', 'b'],
  note: 'x'.repeat(60),
};
const PROPERTIES_TEXT = JSON.stringify(PROPERTIES);

/** As ingest writes them. */
export async function fillReceived(
  stage: Stage,
  customers: readonly Customer[],
  count: number,
  mix: Mix = USUAL_MIX,
): Promise<Filled> {
  return publish(
    stage,
    planEvents(customers, count, mix),
    ({ customer: { organizationId, contactIds }, contact, name, uniqueId }) => {
      const message = encodeReceived({
        ...{ eventId: uuidv7(), organizationId, contactId: contactIds[contact]!, name },
        source: `/organizations/${organizationId}/http`,
        backfill: false,
        properties: PROPERTIES_TEXT,
        ...(uniqueId === undefined ? {} : { uniqueId }),
      });
      return { ...message, partition: partitionOf(message.key!, PARTITIONS.contact) };
    },
  );
}

/** As a direct producer writes them. */
export async function fillInbound(
  stage: Stage,
  customers: readonly Customer[],
  count: number,
  mix: Mix = USUAL_MIX,
): Promise<Filled> {
  let serial = 0;
  return publish(stage, planEvents(customers, count, mix), (event) => encodeInbound(event, (serial += 1)));
}

/** `serial`: no other event has it. */
export function encodeInbound(
  { customer: { organizationId }, contact, name, uniqueId }: Omit<Planned, 'isRepeat'>,
  serial: number,
) {
  const key = `${organizationId}:c${contact}`;
  return {
    topic: INBOUND,
    key,
    partition: partitionOf(key, PARTITIONS.contact),
    value: JSON.stringify({ name, contactExternalId: `c${contact}`, properties: PROPERTIES, uniqueId }),
    headers: {
      ce_specversion: '1.0',
      ce_id: `bench-${serial}`,
      ce_source: `/organizations/${organizationId}/bench`,
      ce_type: 'com.trackline.event.track',
      'content-type': 'application/json',
    },
  };
}

/** To a topic that nothing else is written to. */
async function publish(
  { publisher }: Stage,
  planned: readonly Planned[],
  encode: (event: Planned) => OutgoingMessage & { readonly partition: number },
): Promise<Filled> {
  const offsets = Array.from({ length: PARTITIONS.contact }, () => 0);
  const admitted = new Map<string, number[]>();
  const refused = new Map<string, number[]>();
  for (let from = 0; from < planned.length; from += PUBLISHED_AT_ONCE) {
    const some = planned.slice(from, from + PUBLISHED_AT_ONCE);
    const messages = some.map(encode);
    await publisher.publish(messages);
    for (const [at, { partition }] of messages.entries()) {
      const { customer, contact, isRepeat } = some[at]!;
      const key = contactKey(customer.organizationId, customer.contactIds[contact]!);
      const pair = pairOf(partitionOf(key, PARTITIONS.contact), partition);
      const verdicts = isRepeat ? refused : admitted;
      const known = verdicts.get(pair) ?? [];
      known.push(offsets[partition]!);
      verdicts.set(pair, known);
      offsets[partition]! += 1;
    }
  }
  const duplicates = planned.filter(({ isRepeat }) => isRepeat).length;
  return { sent: planned.length, duplicates, admitted, refused };
}
