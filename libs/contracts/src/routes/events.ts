import { Kind, Type, type Static } from '@sinclair/typebox';
import { defineRoute } from '../route.ts';
import { EventName, Properties, Timestamp } from '../schemas.ts';

/** Opaque: one that does not exist is not found, whatever it looks like; an empty one counts as not given. */
const identifier = (description: string) => Type.Optional(Type.String({ description }));

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
      description:
        'ISO 8601 with a zone, or a date (UTC); at most 5 minutes ahead and 24 months back. Default: the moment of receipt.',
      examples: ['2026-11-20T10:00:00.000Z'],
    }),
  ),
  backfill: Type.Optional(
    Type.Boolean({ description: 'Recorded and metered, but starts and resumes nothing.' }),
  ),
};

/** Body of `POST /v1/events`: Wraps' custom events, and the last three fields of ours. */
export const TrackBody = Type.Object(
  {
    ...eventFields,
    ...contactFields,
    contactName: Type.Optional(
      Type.String({ maxLength: 255, description: 'First name of a contact that is created.' }),
    ),
    createIfMissing: Type.Optional(
      Type.Boolean({
        description:
          'Create the contact of contactEmail when it is not there. Has no effect beside the two other identifiers.',
      }),
    ),
  },
  {
    $id: 'TrackBody',
    examples: [
      {
        name: 'purchase_completed',
        contactEmail: 'ada@example.com',
        createIfMissing: true,
        contactName: 'Ada',
        properties: { orderId: 'A-1001', amount: '49.90', currency: 'EUR' },
        uniqueId: 'A-1001',
      },
    ],
  },
);
export type TrackBody = Static<typeof TrackBody>;

/** One item of a batch. Items are checked one by one, so that a bad one stops no other. */
export const BatchItem = Type.Object({ ...eventFields, ...contactFields }, { $id: 'BatchItem' });
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

/** Documented as what it should be, taken as whatever it is: the handler checks items one by one. */
const AnyItem = Type.Unsafe<unknown>({ ...BatchItem, [Kind]: 'Unknown' });

export const TrackBatchBody = Type.Object(
  { events: Type.Array(AnyItem, { maxItems: MAX_BATCH_EVENTS, description: 'Told item by item.' }) },
  {
    $id: 'TrackBatchBody',
    examples: [
      {
        events: [
          { name: 'page_viewed', contactEmail: 'ada@example.com', properties: { page: '/pricing' } },
          { name: 'order_placed', contactExternalId: 'user-4711', uniqueId: 'A-1001' },
        ],
      },
    ],
  },
);
export type TrackBatchBody = Static<typeof TrackBatchBody>;

export const TrackAnswer = Type.Object(
  {
    success: Type.Literal(true),
    status: Type.Optional(Type.Literal('accepted', { description: 'On 202 only.' })),
    contactCreated: Type.Boolean({ description: 'Whether this very event created its contact.' }),
    workflowsTriggered: Type.Integer({ description: 'Executions that the event started.' }),
    executionsResumed: Type.Integer({
      description: 'Executions that were waiting for the event and went on.',
    }),
    eventId: Type.String(),
  },
  {
    $id: 'TrackAnswer',
    examples: [
      {
        success: true,
        contactCreated: false,
        workflowsTriggered: 1,
        executionsResumed: 0,
        eventId: '0193a5f2-7c1e-7b1a-9d53-3f0c2a9e4b11',
      },
    ],
  },
);
export type TrackAnswer = Static<typeof TrackAnswer>;

export const BatchAnswer = Type.Object(
  {
    success: Type.Boolean({ description: 'Whether `errors` is empty.' }),
    processed: Type.Integer({ description: 'Items that are `admitted` or `accepted`.' }),
    workflowsTriggered: Type.Integer(),
    executionsResumed: Type.Integer(),
    errors: Type.Array(Type.String(), { description: 'Each begins with its index: `events[3]: …`' }),
    results: Type.Array(
      Type.Object({
        index: Type.Integer({ description: 'Position in `events`; results are in that order.' }),
        status: Type.Union(
          (['admitted', 'accepted', 'duplicate', 'over_limit', 'invalid', 'contact_not_found'] as const).map(
            (status) => Type.Literal(status),
          ),
          { description: '`accepted`: safe with the broker, no verdict before the deadline.' },
        ),
        eventId: Type.Optional(
          Type.String({ description: 'Of a duplicate: the event that was there first.' }),
        ),
        error: Type.Optional(Type.String()),
      }),
    ),
  },
  {
    $id: 'BatchAnswer',
    examples: [
      {
        success: false,
        processed: 1,
        workflowsTriggered: 1,
        executionsResumed: 0,
        errors: ['events[1]: Contact not found'],
        results: [
          { index: 0, status: 'admitted', eventId: '0193a5f2-7c1e-7b1a-9d53-3f0c2a9e4b11' },
          { index: 1, status: 'contact_not_found', error: 'Contact not found' },
        ],
      },
    ],
  },
);
export type BatchAnswer = Static<typeof BatchAnswer>;

export const meterHeaders = {
  'X-Event-Limit': 'Events a month in the plan; -1: unlimited.',
  'X-Event-Current': 'Events of this month, this one included.',
  'X-Event-Remaining': 'Events left in the plan; -1: unlimited.',
  'X-Event-Percent': 'Percent of the plan that is used.',
};

/** The second use of a `uniqueId`. */
export const DuplicateEventBody = Type.Object(
  {
    success: Type.Literal(false),
    error: Type.Literal('Event already exists'),
    code: Type.Literal('DUPLICATE_EVENT'),
    eventId: Type.String({ description: 'Id of the event that was there first.' }),
    requestId: Type.String(),
  },
  { $id: 'DuplicateEvent' },
);

/** Past the hard cap of the plan. */
export const EventLimitBody = Type.Object(
  {
    success: Type.Literal(false),
    error: Type.Literal('event_limit_exceeded'),
    code: Type.Literal('EVENT_LIMIT_EXCEEDED'),
    message: Type.String(),
    upgradeUrl: Type.String(),
    current: Type.Integer({ description: 'Events of this month.' }),
    limit: Type.Integer({ description: 'Events a month in the plan.' }),
    hardCap: Type.Integer({ description: 'Events a month at which the door closes: 125 % of the limit.' }),
    requested: Type.Integer({ description: 'Events in this request.' }),
    percentUsed: Type.Number(),
    resetsAt: Timestamp,
    requestId: Type.String(),
  },
  { $id: 'EventLimitExceeded' },
);

export const rateHeaders = {
  'RateLimit-Limit': 'Requests a minute of the organisation. Absent when its plan has no rate.',
  'RateLimit-Remaining': 'Requests that may be made at once, now.',
  'RateLimit-Reset': 'Seconds until all of the burst is there again.',
  'RateLimit-Policy': 'The rate as `<limit>;w=60;burst=<burst>`.',
};

export const refusedByRateOrCap = {
  description:
    'Too many requests, or past the hard cap of the plan: then with `X-Event-Exceeded: true`, and nothing is remembered of the event.',
  schema: EventLimitBody,
  headers: { ...meterHeaders, ...rateHeaders, 'X-Event-Exceeded': '`true` when the cap refused it.' },
};

/** What every route that takes events understands. */
export const eventRequestHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description:
        'Remembered for 48 hours: a retry gets the first answer and `Idempotent-Replayed: true`; with another body it is 422. Answers of 429 and 5xx are not remembered.',
    }),
  ),
  prefer: Type.Optional(
    Type.String({
      description: '`respond-async`: the answer does not wait for the verdict; the receipt tells it.',
    }),
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
  headers: eventRequestHeaders,
  body: TrackBody,
  bodyTextCheckedByHandler: true,
  responses: {
    200: {
      description: 'Counted, on the timeline, and this is what it did.',
      schema: TrackAnswer,
      headers: { ...meterHeaders, ...rateHeaders },
    },
    202: {
      description: 'Safe with the broker; the verdict was not there before the deadline.',
      schema: TrackAnswer,
      headers: rateHeaders,
    },
    409: {
      description: 'The name was used with this `uniqueId` before.',
      schema: DuplicateEventBody,
      headers: meterHeaders,
    },
    429: refusedByRateOrCap,
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
  headers: eventRequestHeaders,
  bodyTextCheckedByHandler: true,
  invalidBody: 'MALFORMED_REQUEST',
  body: TrackBatchBody,
  responses: {
    200: {
      description: 'What became of each item.',
      schema: BatchAnswer,
      headers: { ...meterHeaders, ...rateHeaders },
    },
    429: {
      ...refusedByRateOrCap,
      description: `${refusedByRateOrCap.description} A batch only when the cap refused all of it.`,
    },
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
