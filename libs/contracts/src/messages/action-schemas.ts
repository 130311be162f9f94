import { Type, type TObject, type TSchema } from '@sinclair/typebox';
import { Id } from '../schemas.ts';
import { ACTION_KINDS, type ActionKind } from './action.ts';

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
};

const cause = {
  id: Type.String({
    minLength: 1,
    maxLength: 255,
    description: 'A hash of execution, step and visit: the idempotency key of the delivery.',
  }),
  organizationId: Id,
  contactId: Id,
  executionId: Id,
  workflowId: Id,
  stepId: Type.String(),
  visit: Type.Integer(),
};

const kinds = (prefix: string): TSchema =>
  Type.Union(ACTION_KINDS.map((kind) => Type.Literal(`${prefix}${kind}`)));

/** The messages of actions.requested.v1 and actions.completed.v1. */
export const actionSchemas = {
  requestedType: kinds('com.trackline.action.requested.'),
  requested: Type.Object({
    ...cause,
    workflowVersion: Type.Integer(),
    kind: kinds(''),
    request: Type.Union(
      ACTION_KINDS.map((kind) => actionRequestSchemas[kind]),
      {
        description: 'As its kind asks: webhook, email, whatsapp or sms.',
      },
    ),
    requestedAtMs: Milliseconds,
  }),
  completedType: kinds('com.trackline.action.completed.'),
  completed: Type.Object({
    ...cause,
    kind: kinds(''),
    status: Type.Union(
      ['delivered', 'logged', 'failed'].map((status) => Type.Literal(status)),
      {
        description: '`logged`: without credentials it was shown in the log, and sent to nobody.',
      },
    ),
    attempts: Type.Integer(),
    providerMessageId: Type.Optional(
      Type.String({ description: "How the destination names it: WhatsApp's `wamid`, a Message-ID." }),
    ),
    detail: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), { description: 'What the destination said.' }),
    ),
    completedAtMs: Milliseconds,
  }),
};
