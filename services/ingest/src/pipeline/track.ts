import type { Issue, MetricEventBody, NumbersAsSent, Outcome, TrackBody } from '@trackline/contracts';
import type { Result } from '@trackline/kernel';
import { refused, type Decision } from '../domain/decision.ts';
import { eventFacts } from '../domain/event-facts.ts';
import { eventIdentity } from '../domain/event-identity.ts';
import { metricAnswer, readMetric, type NormalizePhone } from '../domain/metric-event.ts';
import { contactNotFound, trackAnswer, type TrackContext } from '../domain/track-answer.ts';
import { validateTrack, type TrackedEvent } from '../domain/tracked-event.ts';
import type { Caller, Contacts, EventLog, Outcomes } from '../ports.ts';

export interface TrackCall<Body> {
  readonly caller: Caller;
  readonly body: Body;
  /** The numbers of the body that a double does not give back. */
  readonly numbers?: NumbersAsSent | undefined;
  readonly idempotencyKey?: string;
  /** Answer as soon as the broker has the events. */
  readonly respondAsync: boolean;
  readonly requestId: string;
  readonly requestedAtMs: number;
  /** Hears the outcome when the answer was given without it. */
  readonly onLate?: (outcome: Outcome) => void;
}

export interface TrackParts {
  readonly contacts: Contacts;
  readonly log: EventLog;
  readonly outcomes: Outcomes;
  readonly newId: () => string;
  /** How long an answer waits for its outcome, counted from the request. */
  readonly deadlineMs: number;
  readonly upgradeUrl: string;
}

export type TrackOne<Body> = (call: TrackCall<Body>) => Promise<Decision>;
export type Track = TrackOne<TrackBody>;
export type TrackMetric = TrackOne<MetricEventBody>;

/** In which two routes that take one event differ. */
interface Dialect<Body> {
  readonly read: (
    body: Body,
    nowMs: number,
    numbers: NumbersAsSent | undefined,
  ) => Result<TrackedEvent, Issue>;
  readonly tell: (outcome: Outcome | undefined, context: TrackContext, event: TrackedEvent) => Decision;
}

/** Wraps' custom events. */
export const tracking = (parts: TrackParts): Track =>
  trackingIn({ read: validateTrack, tell: trackAnswer }, parts);

/** Wax's metric events. */
export const metricTracking = (parts: TrackParts, normalizePhone: NormalizePhone): TrackMetric =>
  trackingIn({ read: readMetric(normalizePhone), tell: metricAnswer }, parts);

/** One event: validate → resolve its contact → publish → await its outcome → answer. */
function trackingIn<Body>(
  { read, tell }: Dialect<Body>,
  { contacts, log, outcomes, newId, deadlineMs, upgradeUrl }: TrackParts,
): TrackOne<Body> {
  return async function track(call) {
    const { caller, requestedAtMs } = call;
    const { organizationId } = caller;
    const valid = read(call.body, requestedAtMs, call.numbers);
    if (!valid.ok) {
      const { path, message } = valid.error;
      return refused('VALIDATION_FAILED', `The body is not right at ${path}: ${message}`, {
        details: [valid.error],
      });
    }
    const event = valid.value;
    const { contact: reference, create } = event;
    if (!reference) return contactNotFound();
    const identity = eventIdentity(organizationId, call.idempotencyKey, newId);
    const creation = create && { ...create, cause: identity.eventId };
    const [contact] = await contacts.resolve(caller, [{ reference, create: creation }]);
    if (!contact) return contactNotFound();

    const { contactId } = contact;
    const parts = { organizationId, contactId, requestId: call.requestId, event, identity };
    const context = {
      eventId: identity.eventId,
      contactCreated: contact.created,
      plan: caller.plan,
      requestedAtMs,
      upgradeUrl,
    };
    const isSafeToResend = call.idempotencyKey !== undefined || event.uniqueId !== undefined;
    if (call.respondAsync && !call.onLate) {
      await log.append([eventFacts(parts)], isSafeToResend);
      return tell(undefined, context, event);
    }
    const expectation = outcomes.expect(organizationId, 1, call.onLate);
    try {
      await log.append([eventFacts(parts, expectation.replyTos[0])], isSafeToResend);
    } catch (error) {
      expectation.abandon();
      throw error;
    }
    if (!call.respondAsync) {
      const [outcome] = await expectation.settled(requestedAtMs + deadlineMs);
      return tell(outcome, context, event);
    }
    const [early] = await expectation.settled(0);
    if (early) call.onLate?.(early);
    return tell(undefined, context, event);
  };
}
