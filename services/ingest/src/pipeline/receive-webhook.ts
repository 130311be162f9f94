import type { EventFacts, TouchedConversation } from '@trackline/contracts';
import { clientNamedEventId } from '@trackline/contracts';
import { whatsappSource } from '../domain/event-identity.ts';
import { keysOfMessage, messageKey, type Link } from '../domain/whatsapp/link.ts';
import type { AutomaticEvent } from '../domain/whatsapp/automatic-event.ts';
import type { SeenMessage } from '../domain/whatsapp/seen-message.ts';
import { touchOfMessage } from '../domain/whatsapp/touch.ts';
import { readWebhook, type Webhook } from '../domain/whatsapp/webhook.ts';
import type { AdClick, AdClicks, Asker, ConversationLog, EventLog, Links, People } from '../ports.ts';
import { findWhoseEvents } from './find-whose-events.ts';

export interface WebhookParts {
  readonly people: People;
  readonly links: Links;
  readonly clicks: AdClicks;
  readonly log: EventLog;
  readonly conversations: ConversationLog;
  /** Provisional contacts turned out to be somebody. */
  readonly onIdentified: () => void;
}

export interface WebhookCall {
  readonly asker: Asker;
  /** The body, parsed. */
  readonly payload: unknown;
  /** Whether a phone number id belongs to a channel of the organisation. */
  readonly isOurs: (phoneNumberId: string) => boolean;
  /** Whether Meta is told of conversions that come by ads for the number: then clicks on them are kept. */
  readonly tellsMeta: (phoneNumberId: string) => boolean;
  readonly receivedAtMs: number;
  readonly requestId?: string;
}

/** What became of a request of Meta. */
export interface WebhookOutcome extends Pick<Webhook, 'changes' | 'fields' | 'strangers' | 'malformed'> {
  readonly events: readonly EventFacts[];
  readonly touches: number;
  /** Events and messages of people who have been erased. */
  readonly erased: number;
}

export type ReceiveWebhook = (call: WebhookCall) => Promise<WebhookOutcome>;

/**
 * What Meta tells: read → the people of its messages → whose its events are → publish all. Messages go first, so that an event finds what the
 * same request tells of its contact. Safe to be repeated as a whole: nothing that it does has an effect twice.
 */
export const receivingWebhooks = (parts: WebhookParts): ReceiveWebhook =>
  async function receiveWebhook(call) {
    const { asker, payload, isOurs, tellsMeta, receivedAtMs, requestId } = call;
    const webhook = readWebhook(payload, { isOurs, receivedAtMs });
    const touches = await touchesOf(parts, { asker, tellsMeta }, webhook.messages);
    const contactIds = await findWhoseEvents(parts, asker, webhook.events);
    const events = webhook.events.flatMap((event, at): EventFacts[] => {
      const contactId = contactIds[at];
      return contactId === undefined ? [] : [factsOf(asker.organizationId, contactId, event, requestId)];
    });
    // Each is named by what it tells, so that Meta may send it again.
    await Promise.all([
      events.length > 0 ? parts.log.append(events, true) : undefined,
      touches.length > 0 ? parts.conversations.append(touches) : undefined,
    ]);
    const { changes, fields, strangers, malformed } = webhook;
    const erased = webhook.messages.length - touches.length + (webhook.events.length - events.length);
    return { changes, fields, strangers, malformed, events, touches: touches.length, erased };
  };

async function touchesOf(
  { people, links, clicks, onIdentified }: WebhookParts,
  { asker, tellsMeta }: Pick<WebhookCall, 'asker' | 'tellsMeta'>,
  told: readonly SeenMessage[],
): Promise<TouchedConversation[]> {
  if (told.length === 0) return [];
  const { organizationId } = asker;
  const messages = await withoutErased({ people, links }, asker, told);
  const contactIds = await people.ofMessages(asker, messages);
  const known = new Map<string, Link>();
  const touches = messages.flatMap((message, at): TouchedConversation[] => {
    const contactId = contactIds[at];
    if (contactId === undefined) return [];
    for (const key of keysOfMessage(message)) known.set(key, { key, contactId });
    return [touchOfMessage(organizationId, contactId, message)];
  });
  // Before Meta hears 200: an order that comes after this finds the click.
  const clicked = touches.flatMap((touch) => clickOf(touch, tellsMeta));
  if (clicked.length > 0) await clicks.note(clicked);
  if (known.size > 0 && (await links.linkPersons(organizationId, [...known.values()]))) onIdentified();
  return touches;
}

function clickOf(
  { organizationId, contactId, occurredAtMs, phoneNumberId, referral }: TouchedConversation,
  tellsMeta: WebhookCall['tellsMeta'],
): AdClick[] {
  const ctwaClid = referral?.ctwaClid;
  if (ctwaClid === undefined || phoneNumberId === undefined || !tellsMeta(phoneNumberId)) return [];
  return [{ organizationId, contactId, ctwaClid, phoneNumberId, clickedAtMs: occurredAtMs }];
}

/** What Meta tells late of a message, that it was read, must not bring back whose it was: they have been erased since. */
async function withoutErased(
  { people, links }: Pick<WebhookParts, 'people' | 'links'>,
  asker: Asker,
  told: readonly SeenMessage[],
): Promise<readonly SeenMessage[]> {
  const keys = told.map(({ messageId }) => messageKey(messageId));
  const linked = await links.find(asker.organizationId, [...new Set(keys)]);
  const known = [...new Set([...linked.values()].map(({ contactId }) => contactId))];
  const current = await people.current(asker, known);
  const erased = new Set(known.filter((_, at) => current[at] === undefined));
  const isErased = (_: SeenMessage, at: number): boolean => {
    const contact = linked.get(keys[at]!);
    return contact !== undefined && erased.has(contact.contactId);
  };
  return erased.size === 0 ? told : told.filter((message, at) => !isErased(message, at));
}

function factsOf(
  organizationId: string,
  contactId: string,
  { name, identity, occurredAtMs, properties }: AutomaticEvent,
  requestId: string | undefined,
): EventFacts {
  const source = whatsappSource(organizationId);
  return {
    eventId: clientNamedEventId(organizationId, source, identity),
    clientId: identity,
    // The transport's memory of `clientId` is short; this one keeps what is replayed after weeks from counting twice.
    uniqueId: identity,
    organizationId,
    contactId,
    name,
    source,
    backfill: false,
    properties,
    ...(occurredAtMs === undefined ? undefined : { occurredAtMs }),
    ...(requestId === undefined ? undefined : { requestId }),
  };
}
