import { readSentMark, type AdReferral, type TouchedConversation } from '@trackline/contracts';
import { momentOf, objectOf, objectsOf, textOf, type JsonObject } from './json-reading.ts';

/** A user as WhatsApp names one: by number, by an id that hides the number, or by both. One of them is there. */
export interface WhatsappUser {
  readonly waId?: string;
  readonly userId?: string;
  /** As the user calls themselves. */
  readonly name?: string;
}

/** A message of a customer or to one, or a later word on one that was sent. */
export interface SeenMessage {
  readonly messageId: string;
  readonly phoneNumberId: string;
  readonly user: WhatsappUser;
  readonly direction: 'inbound' | 'outbound';
  readonly occurredAtMs: number;
  readonly status?: NonNullable<TouchedConversation['status']>;
  /** The ad that a customer came from. */
  readonly referral?: AdReferral;
  /** The workflow that sent it. */
  readonly workflowId?: string;
  /** In which execution of it. */
  readonly executionId?: string;
}

export interface Place {
  readonly phoneNumberId: string;
  readonly receivedAtMs: number;
}

const NUMBER = /^\+?\d{5,20}$/;

/** A name that is no number is an id: WhatsApp writes the one where the other was as soon as the user hides it. */
function userOf(number: unknown, id: unknown, name?: string): WhatsappUser | undefined {
  const named = textOf(number);
  const waId = named !== undefined && NUMBER.test(named) ? named : undefined;
  const userId = textOf(id) ?? (waId === undefined ? named : undefined);
  if (waId === undefined && userId === undefined) return undefined;
  return {
    ...(waId === undefined ? undefined : { waId }),
    ...(userId === undefined ? undefined : { userId }),
    ...(name === undefined ? undefined : { name }),
  };
}

/** Messages of customers, from the value of a change. Those that lack an id or a sender are left out. */
export function readMessages(value: JsonObject, place: Place): SeenMessage[] {
  const senders = objectsOf(value.contacts).flatMap(
    (sender) => userOf(sender.wa_id, sender.user_id, textOf(objectOf(sender.profile)?.name)) ?? [],
  );
  return objectsOf(value.messages).flatMap((message): SeenMessage[] => {
    // What WhatsApp itself says in a chat (a number has changed) is no message of the customer.
    if (message.type === 'system') return [];
    const messageId = textOf(message.id);
    const user = senderOf(userOf(message.from, message.from_user_id), senders);
    if (messageId === undefined || !user) return [];
    const referral = referralOf(message.referral);
    return [
      {
        messageId,
        phoneNumberId: place.phoneNumberId,
        user,
        direction: 'inbound',
        occurredAtMs: momentOf(message.timestamp, place.receivedAtMs) ?? place.receivedAtMs,
        ...(referral && { referral }),
      },
    ];
  });
}

/** The sender of a message with all that is told of them beside it; the only one there is where the message names none. */
function senderOf(
  named: WhatsappUser | undefined,
  senders: readonly WhatsappUser[],
): WhatsappUser | undefined {
  if (!named) return senders.length === 1 ? senders[0] : undefined;
  const known = senders.find(
    ({ waId, userId }) =>
      (waId !== undefined && waId === named.waId) || (userId !== undefined && userId === named.userId),
  );
  return { ...known, ...named };
}

function referralOf(value: unknown): AdReferral | undefined {
  const referral = objectOf(value);
  if (!referral) return undefined;
  const fields = {
    ctwaClid: textOf(referral.ctwa_clid),
    sourceId: textOf(referral.source_id),
    sourceType: textOf(referral.source_type),
    headline: textOf(referral.headline),
  };
  const given = Object.entries(fields).filter(([, text]) => text !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

const STATUSES: Readonly<Record<string, SeenMessage['status']>> = {
  sent: 'sent',
  delivered: 'delivered',
  read: 'read',
  // Of a voice message: it was read, and listened to.
  played: 'read',
  failed: 'failed',
};

/** What became of messages that were sent, from the value of a change. A status that says nothing of this is left out. */
export function readStatuses(value: JsonObject, place: Place): SeenMessage[] {
  return objectsOf(value.statuses).flatMap((told): SeenMessage[] => {
    const messageId = textOf(told.id);
    const status = STATUSES[textOf(told.status) ?? ''];
    const user = userOf(told.recipient_id, told.recipient_user_id);
    if (messageId === undefined || status === undefined || !user) return [];
    const mark = readSentMark(textOf(told.biz_opaque_callback_data) ?? '');
    return [
      {
        messageId,
        phoneNumberId: place.phoneNumberId,
        user,
        direction: 'outbound',
        occurredAtMs: momentOf(told.timestamp, place.receivedAtMs) ?? place.receivedAtMs,
        status,
        ...(mark && { workflowId: mark.workflowId, executionId: mark.executionId }),
      },
    ];
  });
}
