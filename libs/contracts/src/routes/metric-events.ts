import { Type, type Static } from '@sinclair/typebox';
import { defineRoute } from '../route.ts';
import { EventName, Properties, Timestamp } from '../schemas.ts';
import {
  EventLimitBody,
  eventRequestHeaders,
  meterHeaders,
  rateHeaders,
  refusedByRateOrCap,
} from './events.ts';

/** Body of `POST /v1/metric-events`: Wax's metric events, and the last three fields of ours. Snake case, as there. */
export const MetricEventBody = Type.Object(
  {
    name: EventName,
    phone_number: Type.Union([Type.String(), Type.Number()], {
      description:
        'Who the event is about: a number with its country code, as text or as a number, with or without +, 00, spaces or dashes. The contact is created when it is not there.',
      examples: ['+33 6 12 34 56 78', 33612345678],
      message: 'A phone number is text or a number.',
    }),
    unique_id: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description: 'Accepted once per metric name in 24 months, whichever door it came by.',
      }),
    ),
    properties: Type.Optional(Properties),
    value: Type.Optional(
      Type.Union([Type.String(), Type.Number()], {
        description:
          'What it was worth, in units of the currency: a decimal, better as text. Becomes the property `value`.',
        examples: ['49.90'],
        message: 'The value is a decimal, as text or as a number.',
      }),
    ),
    currency: Type.Optional(
      Type.String({ description: 'ISO 4217. Becomes the property `currency`.', examples: ['EUR'] }),
    ),
    occurred_at: Type.Optional(
      Type.String({
        description:
          'ISO 8601 with a zone, or a date (UTC); at most 5 minutes ahead and 24 months back. Default: the moment of receipt.',
        examples: ['2026-11-20T10:00:00.000Z'],
      }),
    ),
  },
  {
    $id: 'MetricEventBody',
    examples: [
      {
        name: 'order',
        phone_number: '+33612345678',
        unique_id: 'A-1001',
        properties: { product_name: 'Espresso cups', order_total: '49.90', delivery_date: '24 November' },
        value: '49.90',
        currency: 'EUR',
      },
    ],
  },
);
export type MetricEventBody = Static<typeof MetricEventBody>;

export const MetricEventAnswer = Type.Object(
  {
    id: Type.String({ description: 'Of the event: `GET /v1/events/{id}` is its receipt.' }),
    name: Type.String(),
    phone_number: Type.String({ description: 'E.164.' }),
    unique_id: Type.Union([Type.String(), Type.Null()]),
    created_at: Timestamp,
    status: Type.Optional(Type.Literal('accepted', { description: 'On 202 only.' })),
  },
  {
    $id: 'MetricEventAnswer',
    examples: [
      {
        id: '0193a5f2-7c1e-7b1a-9d53-3f0c2a9e4b11',
        name: 'order',
        phone_number: '+33612345678',
        unique_id: 'A-1001',
        created_at: '2026-11-20T10:00:00.000Z',
      },
    ],
  },
);
export type MetricEventAnswer = Static<typeof MetricEventAnswer>;

/** The second use of a `unique_id` for a metric. */
export const DuplicateMetricEventBody = Type.Object(
  {
    success: Type.Literal(false),
    error: Type.Literal('Event already exists'),
    code: Type.Literal('DUPLICATE_EVENT'),
    event_id: Type.String({ description: 'Id of the event that was there first.' }),
    requestId: Type.String(),
  },
  { $id: 'DuplicateMetricEvent' },
);

const metricEvent = {
  service: 'ingest',
  method: 'POST',
  auth: 'events:write',
  tag: 'Events',
  headers: eventRequestHeaders,
  body: MetricEventBody,
  bodyTextCheckedByHandler: true,
  responses: {
    201: {
      description: 'Counted, and on the timeline of the contact with this number.',
      schema: MetricEventAnswer,
      headers: { ...meterHeaders, ...rateHeaders },
    },
    202: {
      description: 'Safe with the broker; the verdict was not there before the deadline.',
      schema: MetricEventAnswer,
      headers: rateHeaders,
    },
    409: {
      description: 'The metric was sent with this `unique_id` before.',
      schema: DuplicateMetricEventBody,
      headers: meterHeaders,
    },
    429: { ...refusedByRateOrCap, schema: EventLimitBody },
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
} as const;

export const trackMetric = defineRoute({
  ...metricEvent,
  id: 'trackMetricEvent',
  path: '/v1/metric-events',
  summary: 'Track a metric event of a phone number',
  description:
    'Compatible with Wax metric events. All properties are variables of workflows; `order` is an order that reports attribute.',
});

/** The same under the address that some callers write. */
export const trackMetricUnderscored = defineRoute({
  ...metricEvent,
  id: 'trackMetricEventUnderscored',
  path: '/v1/metric_events',
  summary: 'Track a metric event of a phone number (as /v1/metric-events)',
});

export const metricEventRoutes = [trackMetric, trackMetricUnderscored];
