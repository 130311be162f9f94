import { Type, type TObject, type TProperties, type TSchema } from '@sinclair/typebox';
import { CAMPAIGN_TYPES } from './conversation.ts';
import { InboundBody } from '../routes/events.ts';
import { EventName, Id, Properties } from '../schemas.ts';
import {
  ACTIONS_COMPLETED,
  ACTIONS_REQUESTED,
  ADMITTED,
  CONTACTS,
  CONVERSATIONS,
  EXECUTIONS,
  INBOUND,
  OUTCOMES,
  PROGRESS,
  RECEIVED,
  REFUSED,
  USAGE,
} from '../topics.ts';
import { actionSchemas } from './action-schemas.ts';

/**
 * What a message looks like on the wire, for its readers in other languages. A test holds every encoder of this
 * library against these schemas; header values are UTF-8 text.
 */
export interface MessageSchema {
  /** PascalCase, unique. */
  readonly name: string;
  readonly headers: TObject;
  readonly payload: TSchema;
}

const Milliseconds = Type.Integer({ description: 'Milliseconds since the epoch.' });
const JSON_CONTENT = { 'content-type': Type.Literal('application/json') };

/** Type.Enum wants a TypeScript enum; a choice of words is this. */
const oneOf = <const Words extends readonly string[]>(words: Words, description?: string) =>
  Type.Union(
    words.map((word) => Type.Literal(word)),
    description === undefined ? {} : { description },
  );

/** CloudEvents 1.0, binary mode of the Kafka binding: attributes are headers with the prefix `ce_`. */
const cloudEvent = (type: TSchema, more: TProperties): TObject =>
  Type.Object({
    ce_specversion: Type.Literal('1.0'),
    ce_id: Type.String({ description: 'Unique per source; a message seen again has no second effect.' }),
    ce_type: type,
    ce_source: Type.String({ examples: ['/organizations/0197…/http'] }),
    ...JSON_CONTENT,
    ...more,
  });

const POSITION = '`<topic>.<generation>.<partition>@<offset>`';
const Time = Type.String({ description: 'ISO 8601: when it happened.' });

const factHeaders = {
  ce_organization: Id,
  ce_contact: Id,
  ce_name: EventName,
  ce_time: Type.Optional(Time),
  ce_uniqueid: Type.Optional(
    Type.String({ description: 'Unique per event name and organisation in 24 months.' }),
  ),
  ce_clientid: Type.Optional(
    Type.String({ description: "The client's own id of the event; `ce_id` is then a hash of it." }),
  ),
  ce_backfill: Type.Optional(Type.Literal('true', { description: 'Starts and resumes nothing.' })),
  ce_requestid: Type.Optional(Type.String()),
  ce_replyto: Type.Optional(
    Type.String({ description: '`<partition of outcomes.v1>/<correlation>` of a caller that waits.' }),
  ),
};

const judgedHeaders = {
  ...factHeaders,
  ce_receivedat: Type.String({ description: 'ISO 8601: the append time of the source message.' }),
  ce_position: Type.String({ description: `Where the event stood in its source: ${POSITION}.` }),
  ce_monthused: Type.String({
    description: "The organisation's events of the month after this verdict, a number.",
  }),
};

const actionHeaders = { ce_time: Time, ce_organization: Id, ce_contact: Id };

export const messageSchemas: Readonly<Record<string, MessageSchema>> = {
  [INBOUND]: {
    name: 'InboundEvent',
    headers: cloudEvent(Type.Literal('com.trackline.event.track'), {
      ce_source: Type.String({
        pattern: '^/organizations/[^/]+/.+$',
        description: 'Names the organisation, and within it whatever tells your producers apart.',
        examples: ['/organizations/0197…/checkout'],
      }),
      ce_time: Type.Optional(
        Type.String({ description: 'ISO 8601; `occurredAt` of the body goes before it.' }),
      ),
      authorization: Type.Optional(
        Type.String({ description: '`Bearer <key>` of the organisation, where the operator asks for it.' }),
      ),
    }),
    payload: InboundBody,
  },
  [RECEIVED]: {
    name: 'ReceivedEvent',
    headers: cloudEvent(Type.Literal('com.trackline.event.received'), factHeaders),
    payload: Properties,
  },
  [ADMITTED]: {
    name: 'AdmittedEvent',
    headers: cloudEvent(Type.Literal('com.trackline.event.admitted'), {
      ...judgedHeaders,
      ce_replayof: Type.Optional(
        Type.String({ description: `A resend without effect, of the event admitted at ${POSITION}.` }),
      ),
    }),
    payload: Properties,
  },
  [REFUSED]: {
    name: 'RefusedEvent',
    headers: cloudEvent(Type.Literal('com.trackline.event.refused'), {
      ...judgedHeaders,
      ce_verdict: oneOf(['duplicate', 'over_limit']),
      ce_duplicateof: Type.Optional(Type.String({ description: 'With `duplicate`: the id of the first.' })),
    }),
    payload: Properties,
  },
  [EXECUTIONS]: {
    name: 'ExecutionProgressed',
    headers: cloudEvent(
      oneOf([
        'com.trackline.execution.started',
        'com.trackline.execution.resumed',
        'com.trackline.execution.refused',
        'com.trackline.execution.ended',
      ]),
      { ce_time: Time, ce_organization: Id, ce_contact: Id },
    ),
    payload: Type.Object({
      id: Type.String(),
      organizationId: Id,
      contactId: Id,
      executionId: Id,
      workflowId: Id,
      workflowVersion: Type.Integer(),
      workflowName: Type.Optional(
        Type.String({ description: 'With `started`: how the workflow is called.' }),
      ),
      effect: oneOf(['started', 'resumed', 'refused', 'ended']),
      eventId: Type.Optional(Type.String({ description: 'Absent for timeouts and manual starts.' })),
      reason: Type.Optional(Type.String({ description: 'Why it was refused, or how it ended.' })),
      status: Type.String(),
      atMs: Milliseconds,
    }),
  },
  [CONTACTS]: {
    name: 'ContactChanged',
    headers: cloudEvent(
      oneOf([
        'com.trackline.contact.created',
        'com.trackline.contact.updated',
        'com.trackline.contact.subscribed',
        'com.trackline.contact.unsubscribed',
        'com.trackline.contact.merged',
        'com.trackline.contact.erased',
      ]),
      { ce_subject: Id, ce_time: Time, ce_organization: Id },
    ),
    payload: Type.Object({
      id: Type.String(),
      organizationId: Id,
      contactId: Id,
      change: oneOf(['created', 'updated', 'subscribed', 'unsubscribed', 'merged', 'erased']),
      into: Type.Optional(
        Type.String({ description: 'With `merged`: the contact that this one is an alias of.' }),
      ),
      topicId: Type.Optional(Type.String({ description: 'With `subscribed` and `unsubscribed`.' })),
      channel: Type.Optional(
        Type.String({ description: 'The one channel that it is about; absent: all of them.' }),
      ),
      cause: Type.Optional(
        Type.String({ description: 'Of a change that a workflow made: `<execution>/<step>/<visit>`.' }),
      ),
      atMs: Milliseconds,
    }),
  },
  [CONVERSATIONS]: {
    name: 'ConversationTouched',
    headers: cloudEvent(Type.Literal('com.trackline.conversation.touched'), {
      ce_time: Time,
      ce_organization: Id,
      ce_contact: Id,
    }),
    payload: Type.Object({
      id: Type.String(),
      organizationId: Id,
      contactId: Id,
      direction: oneOf(['outbound', 'inbound'], '`outbound`: to the contact.'),
      occurredAtMs: Milliseconds,
      source: oneOf(['meta', 'api', 'workflow']),
      status: Type.Optional(oneOf(['sent', 'delivered', 'read', 'failed'], 'Of an outbound message.')),
      messageId: Type.Optional(Type.String({ description: 'How the messenger names the message.' })),
      phoneNumberId: Type.Optional(Type.String()),
      campaign: Type.Optional(
        Type.Object({ type: oneOf(CAMPAIGN_TYPES), id: Type.String(), name: Type.Optional(Type.String()) }),
      ),
      executionId: Type.Optional(
        Type.String({ description: 'Which execution of a workflow sent it, an id of ours.' }),
      ),
      referral: Type.Optional(
        Type.Object(
          {
            ctwaClid: Type.Optional(Type.String()),
            sourceId: Type.Optional(Type.String()),
            sourceType: Type.Optional(Type.String()),
            headline: Type.Optional(Type.String()),
          },
          { description: "Of Meta's `referral`: the ad that a customer came from." },
        ),
      ),
    }),
  },
  [ACTIONS_REQUESTED]: {
    name: 'ActionRequested',
    headers: cloudEvent(actionSchemas.requestedType, actionHeaders),
    payload: actionSchemas.requested,
  },
  [ACTIONS_COMPLETED]: {
    name: 'ActionCompleted',
    headers: cloudEvent(actionSchemas.completedType, actionHeaders),
    payload: actionSchemas.completed,
  },
  [OUTCOMES]: {
    name: 'Outcomes',
    headers: Type.Object(JSON_CONTENT),
    payload: Type.Object({
      outcomes: Type.Array(
        Type.Object({
          correlation: Type.String(),
          eventId: Id,
          verdict: oneOf(['admitted', 'accepted', 'duplicate', 'over_limit']),
          duplicateOf: Type.Optional(Id),
          workflowsTriggered: Type.Integer(),
          executionsResumed: Type.Integer(),
          monthUsed: Type.Integer(),
        }),
      ),
    }),
  },
  [USAGE]: {
    name: 'UsageNoticed',
    headers: cloudEvent(Type.Literal('com.trackline.usage.noticed'), { ce_time: Time }),
    payload: Type.Object({
      organizationId: Id,
      month: Type.String({ examples: ['2026-11'] }),
      thresholdPercent: Type.Union([Type.Literal(80), Type.Literal(100), Type.Literal(125)]),
      used: Type.Integer(),
      monthlyLimit: Type.Integer(),
      atMs: Milliseconds,
    }),
  },
  [PROGRESS]: {
    name: 'SourceProgressed',
    headers: Type.Object(JSON_CONTENT),
    payload: Type.Object({
      source: Type.String({ description: '`<topic>.<generation>.<partition>`' }),
      decidedUpToMs: Milliseconds,
      admittedEnds: Type.Record(Type.String(), Type.Integer(), {
        description: 'Per partition of events.admitted.v1: one past the last acknowledged offset.',
      }),
    }),
  },
};

/** Beside the headers of the message as it came. */
export const DeadLetterHeaders = Type.Object({
  'dlq-reason': Type.String({ description: 'A word of a closed set.', examples: ['not_json'] }),
  'dlq-detail': Type.String({ description: 'What a person needs to mend it.' }),
  'dlq-source-topic': Type.String(),
  'dlq-source-partition': Type.String(),
  'dlq-source-offset': Type.String(),
  'dlq-group': Type.String({ description: 'The consumer group that could not process it.' }),
  'dlq-value': Type.Optional(
    Type.String({
      description: 'Set when the value was too large to come along; it is still at its source.',
    }),
  ),
  'dlq-sent-back': Type.Optional(
    Type.String({
      description:
        'Alone, on a message without a body: the letter at this offset of the same partition was sent back to its topic.',
    }),
  ),
});
