import { Kind, Type, type Static } from '@sinclair/typebox';
import { CAMPAIGN_TYPES } from '../messages/conversation.ts';
import { defineRoute } from '../route.ts';
import { rateHeaders } from './events.ts';

export const MAX_BATCH_CONVERSATIONS = 1_000;

/** Opaque: one that does not exist is not found, whatever it looks like; an empty one counts as not given. */
const identifier = <T extends ReturnType<typeof Type.String>>(schema: T) => Type.Optional(schema);

/** A message that was sent or received elsewhere, and the campaign that it was part of. */
export const ConversationItem = Type.Object(
  {
    contactId: identifier(Type.String({ description: 'Our id of the contact. Goes before the two others.' })),
    contactPhone: Type.Optional(
      Type.Union([Type.String(), Type.Number()], {
        description: 'With its country code, in any usual writing. Goes before contactEmail.',
        message: 'A phone number is text or a number.',
      }),
    ),
    contactEmail: identifier(Type.String({ description: 'Trimmed, case-insensitive.' })),
    direction: Type.Union([Type.Literal('outbound'), Type.Literal('inbound')], {
      description: '`outbound`: to the contact.',
      message: 'The direction is outbound or inbound.',
    }),
    occurredAt: Type.Optional(
      Type.String({
        description:
          'ISO 8601 with a zone, or a date (UTC); at most 5 minutes ahead and 24 months back. Default: the moment of receipt.',
        examples: ['2026-11-20T10:00:00.000Z'],
      }),
    ),
    messageId: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description:
          'How the messenger names it (WhatsApp’s `wamid`): told again it has no further effect, and what Meta tells of it finds its contact.',
      }),
    ),
    campaign: Type.Optional(
      Type.Object({
        type: Type.Union(
          CAMPAIGN_TYPES.map((type) => Type.Literal(type)),
          { message: `The type is one of ${CAMPAIGN_TYPES.join(', ')}.` },
        ),
        id: Type.String({ minLength: 1, maxLength: 255, description: 'Your id of the campaign.' }),
        name: Type.Optional(
          Type.String({ minLength: 1, maxLength: 255, description: 'As reports shall show it.' }),
        ),
      }),
    ),
  },
  { $id: 'ConversationItem' },
);
export type ConversationItem = Static<typeof ConversationItem>;

/** Documented as what it should be, taken as whatever it is: the handler checks items one by one. */
const AnyItem = Type.Unsafe<unknown>({ ...ConversationItem, [Kind]: 'Unknown' });

export const ConversationsBody = Type.Object(
  {
    conversations: Type.Array(AnyItem, {
      maxItems: MAX_BATCH_CONVERSATIONS,
      description: 'Told item by item.',
    }),
  },
  {
    $id: 'ConversationsBody',
    examples: [
      {
        conversations: [
          {
            contactPhone: '+33612345678',
            direction: 'outbound',
            messageId: 'wamid.HBgLMzM2MTIzNDU2Nzg',
            campaign: { type: 'broadcast', id: 'black-friday', name: 'Black Friday' },
          },
        ],
      },
    ],
  },
);
export type ConversationsBody = Static<typeof ConversationsBody>;

const STATUSES = ['accepted', 'invalid', 'contact_not_found'] as const;

export const ConversationsAnswer = Type.Object(
  {
    success: Type.Boolean({ description: 'Whether `errors` is empty.' }),
    processed: Type.Integer({ description: 'Items that are `accepted`.' }),
    errors: Type.Array(Type.String(), { description: 'Each begins with its index: `conversations[3]: …`' }),
    results: Type.Array(
      Type.Object({
        index: Type.Integer({ description: 'Position in `conversations`; results are in that order.' }),
        status: Type.Union(STATUSES.map((status) => Type.Literal(status))),
        error: Type.Optional(Type.String()),
      }),
    ),
  },
  {
    $id: 'ConversationsAnswer',
    examples: [{ success: true, processed: 1, errors: [], results: [{ index: 0, status: 'accepted' }] }],
  },
);
export type ConversationsAnswer = Static<typeof ConversationsAnswer>;

export const recordConversations = defineRoute({
  id: 'recordConversations',
  service: 'ingest',
  method: 'POST',
  path: '/v1/conversations',
  auth: 'events:write',
  tag: 'Conversations',
  summary: 'Tell of up to 1,000 messages that were sent or received elsewhere',
  description:
    'Evidence for attribution: an order counts for the campaign whose message came before it. Not metered. Item by item: one bad item stops no other.',
  bodyTextCheckedByHandler: true,
  invalidBody: 'MALFORMED_REQUEST',
  body: ConversationsBody,
  responses: {
    200: { description: 'What became of each item.', schema: ConversationsAnswer, headers: rateHeaders },
  },
  errors: [
    'MALFORMED_REQUEST',
    'UNAUTHORIZED',
    'FORBIDDEN',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
    'RATE_LIMITED',
    'UNAVAILABLE',
  ],
});

export const conversationRoutes = [recordConversations];
