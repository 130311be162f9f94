import { createHash } from 'node:crypto';
import type { AutomaticEvent } from './automatic-event.ts';
import type { SeenMessage } from './seen-message.ts';

/** What a person is known by until they are known: a message, or a click on an ad. A hash of it; in hexadecimal, so that it can be a key of maps. */
export type LinkKey = string;

const KEY_BYTES = 16;

function linkKey(kind: 'message' | 'click', id: string): LinkKey {
  return createHash('sha256').update(`${kind}:${id}`).digest().subarray(0, KEY_BYTES).toString('hex');
}

export const messageKey = (messageId: string): LinkKey => linkKey('message', messageId);
const clickKey = (clickId: string): LinkKey => linkKey('click', clickId);

/** By which the contact of an event is found, best first. */
export const keysOfEvent = ({ messageId, clickId }: AutomaticEvent): LinkKey[] =>
  clickId === undefined ? [messageKey(messageId)] : [messageKey(messageId), clickKey(clickId)];

/** What a message tells of its sender or recipient. */
export const keysOfMessage = ({ messageId, referral }: SeenMessage): LinkKey[] =>
  referral?.ctwaClid === undefined
    ? [messageKey(messageId)]
    : [messageKey(messageId), clickKey(referral.ctwaClid)];

/**
 * Names the provisional contact of an event whose keys are all unknown: by the click where there is one, since several messages
 * may belong to it, so that two events that race make one contact.
 */
export const evidenceOf = (keys: readonly LinkKey[]): string => `whatsapp:${keys.at(-1)}`;

/** What is known by a key now. */
export interface LinkedContact {
  readonly contactId: string;
  /** Nobody knows yet who it is. */
  readonly provisional: boolean;
}

export interface Link {
  readonly key: LinkKey;
  readonly contactId: string;
}

export interface EventPlan {
  /** Per event, at its place; `undefined`: nothing is known, a provisional contact has to be made. */
  readonly contactIds: readonly (string | undefined)[];
  /** Keys of an event whose person is known, but not by them. */
  readonly persons: readonly Link[];
  /** Keys without a contact, of an event that has a provisional one. */
  readonly provisionals: readonly Link[];
}

/** Whose each event is: a person goes before a provisional contact, a message before a click. */
export function planEvents(
  keysOfEvents: readonly (readonly LinkKey[])[],
  found: ReadonlyMap<LinkKey, LinkedContact>,
): EventPlan {
  const persons: Link[] = [];
  const provisionals: Link[] = [];
  const contactIds = keysOfEvents.map((keys) => {
    const linked = keys.flatMap((key) => found.get(key) ?? []);
    const person = linked.find(({ provisional }) => !provisional);
    const contact = person ?? linked[0];
    if (!contact) return undefined;
    const { contactId } = contact;
    for (const key of keys) {
      const known = found.get(key);
      if (person && (!known || known.provisional)) persons.push({ key, contactId });
      else if (!known) provisionals.push({ key, contactId });
    }
    return contactId;
  });
  return { contactIds, persons, provisionals };
}
