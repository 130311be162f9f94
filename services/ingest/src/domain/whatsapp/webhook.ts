import { readAutomaticEvent, type AutomaticEvent } from './automatic-event.ts';
import { objectOf, objectsOf, textOf, type JsonObject } from './json-reading.ts';
import { readMessages, readStatuses, type SeenMessage } from './seen-message.ts';

/** What a request of Meta says, as far as it concerns the numbers of the organisation. */
export interface Webhook {
  readonly changes: number;
  readonly events: readonly AutomaticEvent[];
  readonly messages: readonly SeenMessage[];
  /** Changes by field; those of an unknown field are acknowledged and nothing else. */
  readonly fields: ReadonlyMap<string, number>;
  /** Phone number ids of changes that belong to nobody here, one per change. */
  readonly strangers: readonly string[];
  /** Items that lack what they cannot be without. */
  readonly malformed: number;
}

export interface ReadingContext {
  /** Whether a phone number id belongs to a channel of the organisation. */
  readonly isOurs: (phoneNumberId: string) => boolean;
  readonly receivedAtMs: number;
}

/** How many changes there are, before any of them is looked at. */
export const countChanges = (payload: unknown): number =>
  objectsOf(objectOf(payload)?.entry).reduce((sum, entry) => sum + objectsOf(entry.changes).length, 0);

/** Names of fields are counted, and a caller must not make up any number of them. */
const KNOWN_FIELDS = new Set(['automatic_events', 'messages', 'statuses']);

export function readWebhook(payload: unknown, { isOurs, receivedAtMs }: ReadingContext): Webhook {
  const events: AutomaticEvent[] = [];
  const messages: SeenMessage[] = [];
  const fields = new Map<string, number>();
  const strangers: string[] = [];
  let malformed = 0;
  let changes = 0;
  for (const entry of objectsOf(objectOf(payload)?.entry)) {
    const wabaId = textOf(entry.id) ?? '';
    for (const change of objectsOf(entry.changes)) {
      changes += 1;
      const named = textOf(change.field) ?? '';
      const field = KNOWN_FIELDS.has(named) ? named : 'other';
      fields.set(field, (fields.get(field) ?? 0) + 1);
      if (field === 'other') continue;
      const value = objectOf(change.value) ?? {};
      const phoneNumberId = textOf(objectOf(value.metadata)?.phone_number_id) ?? '';
      if (!isOurs(phoneNumberId)) {
        strangers.push(phoneNumberId);
        continue;
      }
      const found = readChange(field, value, { phoneNumberId, wabaId, receivedAtMs });
      events.push(...found.events);
      messages.push(...found.messages);
      malformed += found.malformed;
    }
  }
  return { changes, events, messages, fields, strangers, malformed };
}

interface Found {
  readonly events: readonly AutomaticEvent[];
  readonly messages: readonly SeenMessage[];
  readonly malformed: number;
}

function readChange(
  field: string,
  value: JsonObject,
  place: { phoneNumberId: string; wabaId: string; receivedAtMs: number },
): Found {
  if (field === 'automatic_events') {
    const items = objectsOf(value.automatic_events);
    const events = items.flatMap((item) => readAutomaticEvent(item, place, place.receivedAtMs) ?? []);
    return { events, messages: [], malformed: items.length - events.length };
  }
  // Meta sends statuses in the field `messages`; some who relay them, in a field of that name.
  return {
    events: [],
    messages: [...readMessages(value, place), ...readStatuses(value, place)],
    malformed: 0,
  };
}
