import { clientNamedEventId } from '@trackline/contracts';

/** The id of an event, and what its client called it: set when the client sent an Idempotency-Key. */
export interface EventIdentity {
  readonly eventId: string;
  readonly clientId?: string;
}

/** The source of all events of an organisation that come by this door. */
export const httpSource = (organizationId: string): string => `/organizations/${organizationId}/http`;

/** The source of all events that Meta tells of an organisation's WhatsApp numbers. */
export const whatsappSource = (organizationId: string): string => `/organizations/${organizationId}/whatsapp`;

/**
 * Without a key the event is named here, once per request. With a key it is a hash of it, the same for every retry on
 * every instance, so that a retry has no second effect even when nothing is remembered of the first.
 * `index` is the place in a batch, whose one key names all its events.
 */
export function eventIdentity(
  organizationId: string,
  idempotencyKey: string | undefined,
  newId: () => string,
  index?: number,
): EventIdentity {
  if (idempotencyKey === undefined) return { eventId: newId() };
  const clientId = clientIdOf(idempotencyKey, index);
  return { eventId: clientNamedEventId(organizationId, httpSource(organizationId), clientId), clientId };
}

/**
 * No header of a request can hold this character, so no key of a single event looks like a place in a batch, and a single
 * event's client id is its key as it was sent.
 */
const PLACE = '→';

const clientIdOf = (key: string, index: number | undefined): string =>
  index === undefined ? key : `${key}${PLACE}${index}`;
