import { Type, type TObject, type TSchema } from '@sinclair/typebox';
import { Id } from '../schemas.ts';
import { ACTION_KINDS, CONVERSION_EVENTS, WORKFLOW_ACTION_KINDS, type ActionKind } from './action.ts';

const Milliseconds = Type.Integer({ description: 'Milliseconds since the epoch.' });
const PhoneNumber = Type.String({ description: 'E.164.', examples: ['+15550100'] });

/** What each kind of action asks for; values are rendered, nothing is looked up any more. */
export const actionRequestSchemas: Readonly<Record<ActionKind, TObject>> = {
  webhook: Type.Object({
    url: Type.String(),
    method: Type.Union(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].map((method) => Type.Literal(method))),
    headers: Type.Record(Type.String(), Type.String()),
    body: Type.Optional(Type.String({ description: 'Sent as it is.' })),
  }),
  email: Type.Object({
    to: Type.String(),
    subject: Type.String(),
    from: Type.Optional(Type.String()),
    replyTo: Type.Optional(Type.String()),
    html: Type.Optional(Type.String()),
    text: Type.Optional(Type.String()),
  }),
  whatsapp: Type.Object({
    to: PhoneNumber,
    body: Type.Optional(Type.String()),
    template: Type.Optional(
      Type.Object({
        name: Type.String(),
        language: Type.String({ examples: ['en_US'] }),
        parameters: Type.Array(Type.String(), { description: 'Of the body, in order.' }),
      }),
    ),
    phoneNumberId: Type.Optional(
      Type.String({ description: "Which of the organisation's numbers sends; absent: the only one it has." }),
    ),
  }),
  sms: Type.Object({ to: PhoneNumber, body: Type.String() }),
  conversion: Type.Object({
    eventName: Type.Union(
      CONVERSION_EVENTS.map((name) => Type.Literal(name)),
      { description: 'As Meta names it.' },
    ),
    channelId: Id,
    ctwaClid: Type.String({ minLength: 1, description: 'The click on the ad.' }),
    occurredAtMs: Milliseconds,
    worth: Type.Optional(
      Type.Object(
        {
          value: Type.String({
            pattern: '^(\\d+\\.?\\d*|\\.\\d+)$',
            description: 'A decimal, in units of the currency.',
            examples: ['49.90'],
          }),
          currency: Type.String({ pattern: '^[A-Z]{3}$', examples: ['EUR'] }),
        },
        { description: 'Of a purchase.' },
      ),
    ),
  }),
};

const whose = {
  id: Type.String({
    minLength: 1,
    maxLength: 255,
    description:
      'The idempotency key of the delivery: a hash of execution, step and visit; of a conversion, of the event.',
  }),
  organizationId: Id,
  contactId: Id,
};

const byWorkflow = {
  ...whose,
  executionId: Id,
  workflowId: Id,
  stepId: Type.String(),
  visit: Type.Integer(),
};

const byEvent = { ...whose, eventId: Id };

const kinds = (prefix: string, of: readonly string[] = ACTION_KINDS): TSchema =>
  Type.Union(of.map((kind) => Type.Literal(`${prefix}${kind}`)));
const Conversion = Type.Literal('conversion');

const requestedByWorkflow = Type.Object({
  ...byWorkflow,
  workflowVersion: Type.Integer(),
  kind: kinds('', WORKFLOW_ACTION_KINDS),
  request: Type.Union(
    WORKFLOW_ACTION_KINDS.map((kind) => actionRequestSchemas[kind]),
    {
      description: 'As its kind asks: webhook, email, whatsapp or sms.',
    },
  ),
  requestedAtMs: Milliseconds,
});

const requestedConversion = Type.Object({
  ...byEvent,
  kind: Conversion,
  request: actionRequestSchemas.conversion,
  requestedAtMs: Milliseconds,
});

const ending = {
  status: Type.Union(
    ['delivered', 'logged', 'failed'].map((status) => Type.Literal(status)),
    {
      description: '`logged`: without credentials it was shown in the log, and sent to nobody.',
    },
  ),
  attempts: Type.Integer(),
  detail: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), { description: 'What the destination said.' }),
  ),
  completedAtMs: Milliseconds,
};

/** The messages of actions.requested.v1 and actions.completed.v1. */
export const actionSchemas = {
  requestedType: kinds('com.trackline.action.requested.'),
  requested: Type.Union([requestedByWorkflow, requestedConversion]),
  requestedByWorkflow,
  requestedConversion,
  completedType: kinds('com.trackline.action.completed.'),
  completed: Type.Union([
    Type.Object({
      ...byWorkflow,
      kind: kinds('', WORKFLOW_ACTION_KINDS),
      ...ending,
      providerMessageId: Type.Optional(
        Type.String({ description: "How the destination names it: WhatsApp's `wamid`, a Message-ID." }),
      ),
    }),
    Type.Object({ ...byEvent, kind: Conversion, ...ending }),
  ]),
};
