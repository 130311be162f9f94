import { BatchItem, numbersAt, validator, type EventFacts, type TrackBatchBody } from '@trackline/contracts';
import { batchAnswer, type ItemFate } from '../domain/batch-answer.ts';
import type { Decision } from '../domain/decision.ts';
import { eventFacts } from '../domain/event-facts.ts';
import { eventIdentity, type EventIdentity } from '../domain/event-identity.ts';
import { validateItem, type ItemNumbers, type TrackedEvent } from '../domain/tracked-event.ts';
import type { ContactReference } from '../domain/contact-reference.ts';
import type { ContactLookup, FoundContact } from '../ports.ts';
import type { TrackCall, TrackParts } from './track.ts';

export type TrackBatch = (call: TrackCall<TrackBatchBody>) => Promise<Decision>;

const checkItem = validator(BatchItem);

type Read =
  | { readonly kind: 'event'; readonly event: TrackedEvent; readonly identity: EventIdentity }
  | Extract<ItemFate, { kind: 'invalid' | 'contact_not_found' }>;

/** Many events, item by item: validate → resolve all contacts → publish all → await all outcomes → answer. */
export function batchTracking({
  contacts,
  log,
  outcomes,
  newId,
  deadlineMs,
  upgradeUrl,
}: TrackParts): TrackBatch {
  return async function trackBatch(call) {
    const { caller, requestedAtMs } = call;
    const numbers = numbersAt(call.numbers, 'events');
    const reads = call.body.events.map((item, index): Read => {
      const event = readItem(item, requestedAtMs, numbersAt(numbers, index));
      if (!('name' in event)) return event;
      return {
        kind: 'event',
        event,
        identity: eventIdentity(caller.organizationId, call.idempotencyKey, newId, index),
      };
    });
    const lookups = lookupsOf(reads);
    const found = lookups.size === 0 ? [] : await contacts.resolve(caller, [...lookups.values()]);
    const resolved = new Map([...lookups.keys()].map((key, at) => [key, found[at]]));

    const events: EventFacts[] = [];
    const places = reads.map((read) => {
      const facts = read.kind === 'event' ? factsOf(call, read, resolved) : undefined;
      return facts ? events.push(facts) - 1 : -1;
    });
    const published = await publish(events);
    const fates = reads.map((read, index): ItemFate => {
      if (read.kind !== 'event') return read;
      const place = places[index]!;
      if (place < 0) return { kind: 'contact_not_found' };
      return { kind: 'published', eventId: read.identity.eventId, outcome: published[place] };
    });
    return batchAnswer(fates, { plan: caller.plan, requestedAtMs, upgradeUrl });

    async function publish(facts: readonly EventFacts[]) {
      if (facts.length === 0) return [];
      const isSafeToResend =
        call.idempotencyKey !== undefined || facts.every(({ uniqueId }) => uniqueId !== undefined);
      if (call.respondAsync && !call.onLate) {
        await log.append(facts, isSafeToResend);
        return [];
      }
      const expectation = outcomes.expect(caller.organizationId, facts.length, call.onLate);
      try {
        const withReply = facts.map((event, at) => ({ ...event, replyTo: expectation.replyTos[at]! }));
        await log.append(withReply, isSafeToResend);
      } catch (error) {
        expectation.abandon();
        throw error;
      }
      if (!call.respondAsync) return expectation.settled(requestedAtMs + deadlineMs);
      for (const early of await expectation.settled(0)) if (early) call.onLate?.(early);
      return [];
    }
  };
}

function readItem(
  item: unknown,
  nowMs: number,
  numbers: ItemNumbers,
): TrackedEvent | Extract<ItemFate, { kind: 'invalid' }> {
  const shape = checkItem(item);
  if (!shape.ok) return { kind: 'invalid', issue: shape.issues[0]! };
  if (Object.hasOwn(shape.value, 'createIfMissing')) {
    const message = 'A batch creates no contacts: create them first, or send the event alone.';
    return { kind: 'invalid', issue: { path: '/createIfMissing', message } };
  }
  const event = validateItem(shape.value, nowMs, numbers);
  return event.ok ? event.value : { kind: 'invalid', issue: event.error };
}

const referenceKey = ({ by, value }: ContactReference): string => `${by}:${value}`;

/** Each contact once, however many events are about it. */
function lookupsOf(reads: readonly Read[]): Map<string, ContactLookup> {
  const lookups = new Map<string, ContactLookup>();
  for (const read of reads) {
    const reference = read.kind === 'event' ? read.event.contact : undefined;
    if (reference) lookups.set(referenceKey(reference), { reference });
  }
  return lookups;
}

function factsOf(
  { caller: { organizationId }, requestId }: TrackCall<TrackBatchBody>,
  { event, identity }: Extract<Read, { kind: 'event' }>,
  resolved: ReadonlyMap<string, FoundContact | undefined>,
): EventFacts | undefined {
  const contact = event.contact && resolved.get(referenceKey(event.contact));
  if (!contact) return undefined;
  return eventFacts({ organizationId, contactId: contact.contactId, requestId, event, identity });
}
