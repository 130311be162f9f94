import { clientNamedEventId } from '@trackline/contracts';

/** The id of an event, and what its client called it: set when the client sent an Idempotency-Key. */
export interface EventIdentity {
  readonly eventId: string;
  readonly clientId?: string;
}

/** The source of all events of an organisation that come by this door. */
export const httpSource = (organizationId: string): string => `/organizations/${organizationId}/http`;

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

/** `key`, or `key/index`. A slash inside a key is escaped: "a/1" of a single event must not meet item 1 of the batch "a". */
function clientIdOf(key: string, index: number | undefined): string {
  const escaped = key.replaceAll('%', '%25').replaceAll('/', '%2F');
  return index === undefined ? escaped : `${escaped}/${index}`;
}
