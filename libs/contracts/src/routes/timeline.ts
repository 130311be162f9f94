import { Type, type Static } from '@sinclair/typebox';
import { defineRoute } from '../route.ts';
import { Cursor, EventName, Id, Limit, Page, Properties, Timestamp } from '../schemas.ts';

const told = {
  id: Id,
  name: EventName,
  properties: Properties,
  occurredAt: Timestamp,
  receivedAt: Timestamp,
  source: Type.String({
    description: 'The door it came by: `/organizations/<id>/http`, or what a direct producer calls itself.',
  }),
  uniqueId: Type.Optional(Type.String()),
};

/** An event as the timeline of its contact shows it. */
export const TimelineItem = Type.Object(told);
export type TimelineItem = Static<typeof TimelineItem>;

export const ExecutionEffect = Type.Object({
  id: Id,
  workflowId: Id,
  effect: Type.Union([Type.Literal('started'), Type.Literal('resumed'), Type.Literal('refused')]),
  reason: Type.Optional(Type.String()),
});
export type ExecutionEffect = Static<typeof ExecutionEffect>;

/** Which campaign earned an order, or why none did. */
export const EventAttribution = Type.Object({
  conversion: Type.Boolean(),
  reason: Type.Union(
    [
      Type.Literal('campaign_conversation'),
      Type.Literal('organic_conversation'),
      Type.Literal('no_conversation'),
      Type.Literal('outside_window'),
      Type.Literal('after_order'),
      Type.Literal('caused_by_order'),
    ],
    {
      description:
        'A conversation of a campaign, or an organic one, earned it; or there was none, only ones past the window or after the order, or only such as the order itself set off.',
    },
  ),
  campaign: Type.Optional(Type.Object({ type: Type.String(), id: Type.String(), name: Type.String() })),
  conversationAt: Type.Optional(Timestamp),
  revenue: Type.Optional(Type.Object({ currency: Type.String(), amount: Type.String() })),
  model: Type.String({ description: '`last_touch` or `first_touch`.' }),
  windowHours: Type.Integer(),
});
export type EventAttribution = Static<typeof EventAttribution>;

/** What became of an event: its verdict, and what it did. */
export const Receipt = Type.Object({
  ...told,
  contactId: Id,
  sourceId: Type.Optional(
    Type.String({ description: 'The client’s own id of the event: its `ce_id` or `Idempotency-Key`.' }),
  ),
  verdict: Type.Union([Type.Literal('admitted'), Type.Literal('duplicate'), Type.Literal('over_limit')]),
  duplicateOf: Type.Optional(Type.String({ description: 'Id of the event that was there first.' })),
  workflowsTriggered: Type.Integer({ description: 'Executions that it started, as far as known by now.' }),
  executionsResumed: Type.Integer({ description: 'Executions that it resumed, as far as known by now.' }),
  executions: Type.Array(ExecutionEffect),
  attribution: Type.Optional(EventAttribution),
});
export type Receipt = Static<typeof Receipt>;

const between = {
  from: Type.Optional(
    Type.String({
      description:
        'Events that occurred at or after this moment: ISO 8601 with a zone, or a date (UTC). Default: 24 months ago.',
      examples: ['2026-11-01', '2026-11-20T10:00:00.000Z'],
    }),
  ),
  to: Type.Optional(
    Type.String({ description: 'Events that occurred before this moment. Default: all up to now.' }),
  ),
};

export const getReceipt = defineRoute({
  id: 'getReceipt',
  service: 'timeline',
  method: 'GET',
  path: '/v1/events/:id',
  auth: 'read',
  tag: 'Events',
  summary: 'The receipt of an event',
  description:
    'What became of the event: its verdict and what it did. Until it is judged the answer is 404 with Retry-After. ' +
    'Receipts of admitted events are kept for 24 months, those of refused ones for 30 days at least.',
  params: Type.Object({ id: Id }),
  responses: { 200: { description: 'The receipt.', schema: Receipt } },
  errors: ['UNAUTHORIZED', 'FORBIDDEN', 'NOT_FOUND', 'UNAVAILABLE'],
});

export const ReceiptsQuery = Type.Object({
  source: Type.Optional(Type.String({ description: 'Only events of this source.' })),
  sourceId: Type.Optional(
    Type.String({ description: 'With `source`: the one event that the client named so (its `ce_id`).' }),
  ),
  name: Type.Optional(Type.String({ description: 'Only events of this name.' })),
  ...between,
  limit: Limit,
  cursor: Cursor,
});
export type ReceiptsQuery = Static<typeof ReceiptsQuery>;

export const listReceipts = defineRoute({
  id: 'listReceipts',
  service: 'timeline',
  method: 'GET',
  path: '/v1/events',
  auth: 'read',
  tag: 'Events',
  summary: 'Receipts of the organisation, newest first',
  description:
    'Ordered by the moment at which the events occurred. With `source` and `sourceId` it is the look-up of a verdict by the producer’s own id. ' +
    'A page may hold fewer receipts than asked for and still have a `nextCursor`.',
  query: ReceiptsQuery,
  responses: { 200: { description: 'A page of receipts.', schema: Page(Receipt) } },
  errors: ['UNAUTHORIZED', 'FORBIDDEN', 'VALIDATION_FAILED', 'UNAVAILABLE'],
});

export const TimelineQuery = Type.Object({
  name: Type.Optional(Type.String({ description: 'Only events of this name.' })),
  ...between,
  limit: Limit,
  cursor: Cursor,
});
export type TimelineQuery = Static<typeof TimelineQuery>;

export const getTimeline = defineRoute({
  id: 'getTimeline',
  service: 'timeline',
  method: 'GET',
  path: '/v1/contacts/:id/events',
  auth: 'read',
  tag: 'Contacts',
  summary: 'The timeline of a contact, newest first',
  description:
    'The admitted events of the contact, with those of contacts that were merged into it. Paging is stable while events arrive: nothing is shown twice or left out.',
  params: Type.Object({ id: Id }),
  query: TimelineQuery,
  responses: { 200: { description: 'A page of the timeline.', schema: Page(TimelineItem) } },
  errors: ['UNAUTHORIZED', 'FORBIDDEN', 'NOT_FOUND', 'VALIDATION_FAILED', 'UNAVAILABLE'],
});

export const timelineRoutes = [getReceipt, listReceipts, getTimeline];
