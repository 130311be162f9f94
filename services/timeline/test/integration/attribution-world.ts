import type { AdmittedEvent, CampaignType, ContactChange, TouchedConversation } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import { seededRandom } from '@trackline/testkit';
import type { SaidOrder, SaidTouch } from './attribution-reference.ts';
import { anOrder, aTouch } from './timeline-rig.ts';

export interface World {
  readonly touches: readonly TouchedConversation[];
  readonly orders: readonly AdmittedEvent[];
  readonly merges: readonly ContactChange[];
  /** The same, as the reference wants it: contacts that were merged are one person. */
  readonly saidTouches: readonly SaidTouch[];
  readonly saidOrders: readonly SaidOrder[];
}

const DAY_MS = 86_400_000;
const DAYS = 20;
const CAMPAIGNS: readonly (readonly [CampaignType, string])[] = [
  ...['spring', 'summer', 'autumn'].map((id) => ['broadcast', id] as const),
  ...['welcome', 'cart'].map((id) => ['automation', id] as const),
  ...['120-1', '120-2'].map((id) => ['ad', id] as const),
  ...Array.from({ length: 4 }, () => ['organic', ''] as const),
];
const CURRENCIES = ['EUR', 'USD', 'JPY'];

export interface WorldSize {
  readonly contacts: number;
  readonly touches: number;
  readonly orders: number;
  /** So many contacts turn out to be another one. */
  readonly merges: number;
}

/** Conversations and orders at random over 20 days, no two conversations in the same millisecond, in no order at all. */
export function makeWorld(organizationId: string, nowMs: number, size: WorldSize, seed: number): World {
  const random = seededRandom(seed);
  const chance = (below: number): number => Math.floor(random() * below);
  const contacts = Array.from({ length: size.contacts }, () => uuidv7());
  const personOf = new Map(contacts.map((id) => [id, id]));
  const merges = contacts.slice(0, size.merges).map((contactId): ContactChange => {
    const into = contacts[size.merges + chance(size.contacts - size.merges)]!;
    personOf.set(contactId, into);
    return { id: uuidv7(), organizationId, contactId, change: 'merged', into, atMs: nowMs };
  });
  const someContact = () => contacts[chance(size.contacts)]!;
  const startMs = nowMs - DAYS * DAY_MS;
  const taken = new Set<number>();
  const someMoment = (): number => {
    for (;;) {
      const atMs = startMs + chance(DAYS * DAY_MS);
      if (taken.has(atMs)) continue;
      taken.add(atMs);
      return atMs;
    }
  };
  const touches = Array.from({ length: size.touches }, () => {
    const [type, id] = CAMPAIGNS[chance(CAMPAIGNS.length)]!;
    return aTouch({
      organizationId,
      contactId: someContact(),
      occurredAtMs: someMoment(),
      direction: chance(3) === 0 ? 'inbound' : 'outbound',
      ...(type === 'organic' ? undefined : { campaign: { type, id } }),
    });
  });
  const said = Array.from({ length: size.orders }, () => {
    const contactId = someContact();
    const amount = chance(20) === 0 ? null : BigInt(chance(10_000_000));
    return { contactId, atMs: someMoment(), amount, currency: CURRENCIES[chance(CURRENCIES.length)]! };
  });
  return {
    touches,
    merges,
    orders: said.map(({ contactId, atMs, amount, currency }) =>
      anOrder({ organizationId, contactId, occurredAtMs: atMs, properties: worthOf(amount, currency) }),
    ),
    saidTouches: touches.map((touch) => ({
      person: personOf.get(touch.contactId)!,
      atMs: touch.occurredAtMs,
      type: touch.campaign?.type ?? 'organic',
      id: touch.campaign?.id ?? '',
    })),
    saidOrders: said.map((order) => ({ ...order, person: personOf.get(order.contactId)! })),
  };
}

/** By turns as a number and as a text, under one name or another. */
function worthOf(amount: bigint | null, currency: string): string {
  if (amount === null) return '{"note":"no worth"}';
  const digits = amount.toString().padStart(4, '0');
  const decimal = `${digits.slice(0, -3)}.${digits.slice(-3)}`;
  const said = amount % 2n === 0n ? decimal : JSON.stringify(decimal);
  return `{"${amount % 3n === 0n ? 'total' : 'value'}":${said},"currency":"${currency}"}`;
}
