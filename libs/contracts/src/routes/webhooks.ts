import { Type, type Static } from '@sinclair/typebox';
import { defineRoute } from '../route.ts';
import { Id } from '../schemas.ts';

export const MAX_WEBHOOK_BYTES = 3 * 1024 * 1024;
export const MAX_WEBHOOK_CHANGES = 1_000;

const ChannelParams = Type.Object({ channelId: Id });

/** https://developers.facebook.com/docs/graph-api/webhooks/getting-started */
export const WhatsappHandshakeQuery = Type.Object({
  'hub.mode': Type.Optional(Type.String({ description: '`subscribe`.' })),
  'hub.verify_token': Type.Optional(Type.String({ description: 'The channel’s verify token.' })),
  'hub.challenge': Type.Optional(Type.String({ description: 'Given back as the body of the answer.' })),
});
export type WhatsappHandshakeQuery = Static<typeof WhatsappHandshakeQuery>;

export const whatsappHandshake = defineRoute({
  id: 'whatsappHandshake',
  service: 'ingest',
  method: 'GET',
  path: '/webhooks/whatsapp/:channelId',
  auth: 'public',
  tag: 'Webhooks',
  summary: 'Meta sets up the callback of a WhatsApp number',
  params: ChannelParams,
  query: WhatsappHandshakeQuery,
  responses: {
    200: {
      description: 'The challenge, as plain text.',
      contentType: 'text/plain; charset=utf-8',
      schema: Type.String(),
    },
  },
  errors: ['FORBIDDEN', 'VALIDATION_FAILED', 'UNAVAILABLE'],
});

export const ReceivedWebhook = Type.Object({ success: Type.Literal(true) }, { $id: 'ReceivedWebhook' });

export const whatsappWebhook = defineRoute({
  id: 'whatsappWebhook',
  service: 'ingest',
  method: 'POST',
  path: '/webhooks/whatsapp/:channelId',
  auth: 'public',
  tag: 'Webhooks',
  summary: 'Meta tells what happened on a WhatsApp number',
  description:
    'Signed by `X-Hub-Signature-256` over the bytes of the body. The fields `automatic_events` (events of the timeline, metered), `messages` and `statuses` ' +
    '(evidence of conversations, not metered) are read; any other is acknowledged. Answered 200 once the broker has everything, duplicates and unknown things ' +
    `included. At most ${MAX_WEBHOOK_BYTES / 1024 / 1024} MB and ${MAX_WEBHOOK_CHANGES} changes.`,
  params: ChannelParams,
  headers: Type.Object({
    'x-hub-signature-256': Type.Optional(
      Type.String({
        description: '`sha256=` and the HMAC-SHA256 of the body by the app secret, in hexadecimal.',
      }),
    ),
  }),
  bodyReadByHandler: true,
  responses: { 200: { description: 'Taken.', schema: ReceivedWebhook } },
  errors: [
    'MALFORMED_REQUEST',
    'UNAUTHORIZED',
    'NOT_FOUND',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
    'UNAVAILABLE',
  ],
});

export const webhookRoutes = [whatsappHandshake, whatsappWebhook];
