import {
  decodeAdmitted,
  isRedriven,
  parsePosition,
  parseReplyTo,
  text,
  type AdmittedEvent,
  type Position,
  type RawMessage,
} from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import type { IncomingEvent } from '../domain/decide-events.ts';
import type { EventView } from '../domain/fields.ts';
import { readProperties } from '../domain/read-properties.ts';

/** A message that no later attempt will make readable. */
export interface Unreadable {
  readonly offset: number;
  readonly reason: string;
  readonly detail: string;
}

/** The events of a batch from their headers alone; a body is read when something may come of its event. */
export function decodeEvents(messages: readonly RawMessage[]): IncomingEvent[] | Unreadable {
  const events: IncomingEvent[] = [];
  for (const message of messages) {
    try {
      events.push(decode(message));
    } catch (error) {
      return { offset: message.offset, reason: 'undecodable', detail: (error as Error).message };
    }
  }
  return events;
}

function decode(message: RawMessage): IncomingEvent {
  const admitted = decodeAdmitted(message);
  for (const [what, id] of [
    ['event', admitted.eventId],
    ['organization', admitted.organizationId],
    ['contact', admitted.contactId],
  ] as const) {
    if (!isUuid(id)) throw new Error(`The ${what} id "${id}" is no UUID.`);
  }
  let view: EventView | undefined;
  const event = Object.assign(answerable(admitted), {
    view: () => (view ??= { eventId: event.eventId, name: event.name, ...readProperties(event.properties) }),
  });
  return isRedriven(message) ? { ...event, redriven: true } : event;
}

/** As it came, but for a caller's address that says nothing. */
function answerable(event: AdmittedEvent): AdmittedEvent {
  if (event.replyTo === undefined || parseReplyTo(event.replyTo)) return event;
  const { replyTo: _saysNothing, ...others } = event;
  return others;
}

/** Of messages that may be unreadable: one without a position is behind none, and leaves no row. */
export function positionsOf(messages: readonly RawMessage[]): Position[] {
  return messages.flatMap(({ headers }) => {
    try {
      return [parsePosition(text(headers, 'ce_position') ?? '')];
    } catch {
      return [];
    }
  });
}
