import { Type, type Static } from '@sinclair/typebox';
import { ACTION_KINDS, WORKFLOW_ACTION_KINDS } from '../messages/action.ts';
import { defineRoute } from '../route.ts';
import { Cursor, Id, Limit, Page, Timestamp } from '../schemas.ts';
import { oneOf } from '../workflow-definition.ts';
import type { ErrorCode } from '../errors.ts';

export const DELIVERY_STATUSES = ['pending', 'delivered', 'logged', 'failed'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

export const CONNECTOR_WAYS = ['http', 'smtp', 'cloud_api', 'log'] as const;
export type ConnectorWay = (typeof CONNECTOR_WAYS)[number];

export const Connector = Type.Object({
  kind: oneOf(WORKFLOW_ACTION_KINDS, 'Of which actions.'),
  configured: Type.Boolean({ description: 'Whether the organisation has given something of its own.' }),
  via: oneOf(
    CONNECTOR_WAYS,
    'What becomes of such an action now. `log`: it is shown in the log of the service and sent to nobody.',
  ),
  settings: Type.Record(Type.String(), Type.String(), { description: 'As given; secrets are masked.' }),
  updatedAt: Type.Optional(Timestamp),
});
export type Connector = Static<typeof Connector>;

export const ConnectorBody = Type.Object(
  {
    smtpUrl: Type.Optional(
      Type.String({ description: 'email: smtp:// or smtps://user:password@host:port.' }),
    ),
    from: Type.Optional(Type.String({ description: 'email: who writes when the workflow does not say.' })),
    phoneNumberId: Type.Optional(Type.String({ description: 'whatsapp: the id of the number that sends.' })),
    accessToken: Type.Optional(Type.String({ description: 'whatsapp: of a system user of the account.' })),
  },
  { description: 'email: smtpUrl and from. whatsapp: phoneNumberId and accessToken.' },
);

export const Delivery = Type.Object({
  id: Type.String({ description: 'The id of the action: the same at every attempt.' }),
  kind: oneOf(ACTION_KINDS, 'What was to be done.'),
  status: oneOf(
    DELIVERY_STATUSES,
    'pending: still to be tried. logged: no credentials are set, it was shown in the log. failed: given up, and in the dead letters.',
  ),
  destination: Type.String({ description: 'The host of a webhook; else the way it goes.' }),
  contactId: Id,
  workflowId: Type.Optional(Id),
  executionId: Type.Optional(Id),
  stepId: Type.Optional(Type.String()),
  visit: Type.Optional(Type.Integer()),
  eventId: Type.Optional(
    Type.String({
      description: 'Of a conversion, which no workflow asked for: the event that Meta is told of.',
    }),
  ),
  attempts: Type.Integer({ description: 'So far.' }),
  acceptedAt: Timestamp,
  nextAttemptAt: Type.Optional(Timestamp),
  endedAt: Type.Optional(Timestamp),
  providerMessageId: Type.Optional(
    Type.String({ description: "How the destination names it: WhatsApp's `wamid`, a Message-ID." }),
  ),
  detail: Type.Optional(
    Type.Unknown({ description: 'What the destination said last: a status, and why it failed.' }),
  ),
});
export type Delivery = Static<typeof Delivery>;

const kindParams = Type.Object({
  kind: oneOf(WORKFLOW_ACTION_KINDS, 'Of which actions.'),
});
const usual = ['UNAUTHORIZED', 'FORBIDDEN', 'UNAVAILABLE'] as const satisfies ErrorCode[];
const shared = { service: 'connectors', tag: 'Connectors' } as const;

export const getConnector = defineRoute({
  ...shared,
  id: 'getConnector',
  method: 'GET',
  path: '/v1/connectors/:kind',
  auth: 'manage',
  summary: 'How actions of a kind are delivered',
  params: kindParams,
  responses: { 200: { description: 'The connector; secrets are masked.', schema: Connector } },
  errors: ['VALIDATION_FAILED', ...usual],
});

export const putConnector = defineRoute({
  ...shared,
  id: 'putConnector',
  method: 'PUT',
  path: '/v1/connectors/:kind',
  auth: 'manage',
  summary: 'Give credentials for mails or WhatsApp messages',
  description:
    'In force for the next attempt. Kept encrypted; 503 where the operator has set no key for that. Webhooks need none, and for text messages there is no provider yet.',
  params: kindParams,
  body: ConnectorBody,
  responses: { 200: { description: 'The connector; secrets are masked.', schema: Connector } },
  errors: ['MALFORMED_REQUEST', 'VALIDATION_FAILED', 'UNSUPPORTED_MEDIA_TYPE', ...usual],
});

export const deleteConnector = defineRoute({
  ...shared,
  id: 'deleteConnector',
  method: 'DELETE',
  path: '/v1/connectors/:kind',
  auth: 'manage',
  summary: 'Forget the credentials',
  description: 'Of `webhook`: the secret; webhooks are then sent without a signature.',
  params: kindParams,
  responses: { 200: { description: 'What is in force now.', schema: Connector } },
  errors: ['VALIDATION_FAILED', 'NOT_FOUND', ...usual],
});

export const rotateWebhookSecret = defineRoute({
  ...shared,
  id: 'rotateWebhookSecret',
  method: 'POST',
  path: '/v1/connectors/webhook/secret',
  auth: 'manage',
  summary: 'Make a new secret for the signatures of webhooks',
  description:
    'It is shown this once. For 24 hours each webhook carries two signatures, by the new secret and by the one before. See https://www.standardwebhooks.com for how to verify them.',
  responses: {
    201: {
      description: 'The secret.',
      schema: Type.Object({ secret: Type.String({ examples: ['whsec_…'] }) }),
    },
  },
  errors: [...usual],
});

export const listDeliveries = defineRoute({
  ...shared,
  id: 'listDeliveries',
  method: 'GET',
  path: '/v1/deliveries',
  auth: 'read',
  summary: 'Deliveries of actions, newest first',
  query: Type.Object({
    status: Type.Optional(oneOf(DELIVERY_STATUSES, 'Only those in this status.')),
    executionId: Type.Optional(Id),
    limit: Limit,
    cursor: Cursor,
  }),
  responses: { 200: { description: 'A page of deliveries.', schema: Page(Delivery) } },
  errors: ['VALIDATION_FAILED', ...usual],
});

export const getDelivery = defineRoute({
  ...shared,
  id: 'getDelivery',
  method: 'GET',
  path: '/v1/deliveries/:id',
  auth: 'read',
  summary: 'One delivery',
  params: Type.Object({ id: Type.String({ minLength: 1, maxLength: 255 }) }),
  responses: { 200: { description: 'The delivery.', schema: Delivery } },
  errors: ['NOT_FOUND', ...usual],
});

export const connectorRoutes = [
  getConnector,
  putConnector,
  deleteConnector,
  rotateWebhookSecret,
  listDeliveries,
  getDelivery,
];
