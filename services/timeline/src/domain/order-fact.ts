import { clickKey, messageKey } from './message-fact.ts';
import { amountOf, currencyOf, type SaidWorth } from './revenue.ts';

/** What an event that may be an order is remembered by. */
export interface OrderFact {
  readonly organizationId: string;
  readonly eventId: string;
  readonly contactId: string;
  readonly name: string;
  readonly occurredAtMs: number;
  /** Exact decimal. */
  readonly amount: string | null;
  /** As the event names it, without the organisation's default. */
  readonly currency: string | null;
  /** Of Meta's events: the message and the click that they name, hashed. */
  readonly messageKey: string | null;
  readonly clickKey: string | null;
}

/** What the properties of such an event say. */
export interface SaidOrder extends SaidWorth {
  readonly messageId: string | null;
  readonly ctwaClid: string | null;
}

export const toOrderFact = (
  event: Pick<OrderFact, 'organizationId' | 'eventId' | 'contactId' | 'name' | 'occurredAtMs'>,
  said: SaidOrder,
): OrderFact => ({
  organizationId: event.organizationId,
  eventId: event.eventId,
  contactId: event.contactId,
  name: event.name,
  occurredAtMs: event.occurredAtMs,
  amount: amountOf(said),
  currency: currencyOf(said),
  messageKey: said.messageId === null ? null : messageKey(event.organizationId, said.messageId),
  clickKey: said.ctwaClid === null ? null : clickKey(event.organizationId, said.ctwaClid),
});
