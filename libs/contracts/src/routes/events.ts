import { Type, type Static } from '@sinclair/typebox';
import { defineRoute } from '../route.ts';
import { EventName, Properties } from '../schemas.ts';

const identifier = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 255, description }));

const contactFields = {
  contactId: identifier('Our id of the contact. Goes before the two others.'),
  contactExternalId: identifier('Your id of the contact. Goes before contactEmail.'),
  contactEmail: identifier('Trimmed, case-insensitive.'),
};

const eventFields = {
  name: EventName,
  properties: Type.Optional(Properties),
  uniqueId: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description: 'Accepted once per event name in 24 months, whichever door it came by.',
    }),
  ),
  occurredAt: Type.Optional(
    Type.String({
      description: 'ISO 8601; at most 5 minutes ahead and 24 months back. Default: the moment of receipt.',
    }),
  ),
  backfill: Type.Optional(
    Type.Boolean({ description: 'Recorded and metered, but starts and resumes nothing.' }),
  ),
};

/** Body of `POST /v1/events`: Wraps' custom events, and the last three fields of ours. */
export const TrackBody = Type.Object({
  ...eventFields,
  ...contactFields,
  contactName: Type.Optional(
    Type.String({ maxLength: 255, description: 'First name of a contact that is created.' }),
  ),
  createIfMissing: Type.Optional(
    Type.Boolean({ description: 'Create the contact of contactEmail when it is not there.' }),
  ),
});
export type TrackBody = Static<typeof TrackBody>;

/** One item of a batch. Items are checked one by one, so that a bad one stops no other. */
export const BatchItem = Type.Object({ ...eventFields, ...contactFields });
export type BatchItem = Static<typeof BatchItem>;

/** Body of a message on `events.inbound.v1`: a batch item, and what only direct producers may say. */
export const InboundBody = Type.Object({
  ...eventFields,
  ...contactFields,
  contactPhone: identifier('A phone number with its country. Last in rank.'),
  contactName: Type.Optional(Type.String({ maxLength: 255 })),
  createIfMissing: Type.Optional(Type.Boolean()),
});
export type InboundBody = Static<typeof InboundBody>;

export const MAX_BATCH_EVENTS = 1_000;

export const TrackAnswer = Type.Object({
  success: Type.Literal(true),
  status: Type.Optional(Type.Literal('accepted')),
  contactCreated: Type.Boolean(),
  workflowsTriggered: Type.Integer(),
  executionsResumed: Type.Integer(),
  eventId: Type.String(),
});
export type TrackAnswer = Static<typeof TrackAnswer>;

export const BatchAnswer = Type.Object({
  success: Type.Boolean({ description: 'Whether `errors` is empty.' }),
  processed: Type.Integer(),
  workflowsTriggered: Type.Integer(),
  executionsResumed: Type.Integer(),
  errors: Type.Array(Type.String(), { description: 'Each begins with its index: `events[3]: …`' }),
  results: Type.Array(
    Type.Object({
      index: Type.Integer(),
      status: Type.Union(
        (['admitted', 'accepted', 'duplicate', 'over_limit', 'invalid', 'contact_not_found'] as const).map(
          (status) => Type.Literal(status),
        ),
      ),
      eventId: Type.Optional(Type.String()),
      error: Type.Optional(Type.String()),
    }),
  ),
});
export type BatchAnswer = Static<typeof BatchAnswer>;

const meterHeaders = {
  'X-Event-Limit': 'Events a month in the plan; -1: unlimited.',
  'X-Event-Current': 'Events of this month, this one included.',
  'X-Event-Remaining': 'Events left in the plan; -1: unlimited.',
  'X-Event-Percent': 'Percent of the plan that is used.',
};

const requestHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      maxLength: 255,
      description: 'Remembered for 48 hours: a retry gets the first answer and `Idempotent-Replayed: true`.',
    }),
  ),
  prefer: Type.Optional(
    Type.String({ description: '`respond-async`: 202 at once, the receipt tells the rest.' }),
  ),
});

export const trackEvent = defineRoute({
  id: 'trackEvent',
  service: 'ingest',
  method: 'POST',
  path: '/v1/events',
  auth: 'events:write',
  tag: 'Events',
  summary: 'Track an event of a contact',
  description: 'Compatible with Wraps custom events. The answer tells what the event did.',
  headers: requestHeaders,
  body: TrackBody,
  bodyTextCheckedByHandler: true,
  responses: {
    200: {
      description: 'Counted, on the timeline, and this is what it did.',
      schema: TrackAnswer,
      headers: meterHeaders,
    },
    202: {
      description: 'Safe with the broker; the verdict was not there before the deadline.',
      schema: TrackAnswer,
    },
  },
  errors: [
    'MALFORMED_REQUEST',
    'CONTACT_NOT_FOUND',
    'UNAUTHORIZED',
    'FORBIDDEN',
    'DUPLICATE_EVENT',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
    'VALIDATION_FAILED',
    'RATE_LIMITED',
    'EVENT_LIMIT_EXCEEDED',
    'UNAVAILABLE',
  ],
});

export const trackBatch = defineRoute({
  id: 'trackBatch',
  service: 'ingest',
  method: 'POST',
  path: '/v1/events/batch',
  auth: 'events:write',
  tag: 'Events',
  summary: 'Track up to 1,000 events',
  description: 'Item by item, in order: one bad item stops no other.',
  headers: requestHeaders,
  bodyTextCheckedByHandler: true,
  invalidBody: 'MALFORMED_REQUEST',
  body: Type.Object({
    events: Type.Array(Type.Unknown(), { maxItems: MAX_BATCH_EVENTS, description: 'Items as in BatchItem.' }),
  }),
  responses: {
    200: { description: 'What became of each item.', schema: BatchAnswer, headers: meterHeaders },
  },
  errors: [
    'MALFORMED_REQUEST',
    'UNAUTHORIZED',
    'FORBIDDEN',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
    'VALIDATION_FAILED',
    'RATE_LIMITED',
    'EVENT_LIMIT_EXCEEDED',
    'UNAVAILABLE',
  ],
});

export const eventRoutes = [trackEvent, trackBatch];
