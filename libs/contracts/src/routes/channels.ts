import { Type, type Static } from '@sinclair/typebox';
import { defineRoute } from '../route.ts';
import { Cursor, Id, Limit, Page, Timestamp } from '../schemas.ts';

const MetaId = (description: string) => Type.String({ description, examples: ['106540352242922'] });

const fields = {
  phoneNumberId: MetaId('Meta’s id of the phone number: once per organisation.'),
  wabaId: MetaId('Meta’s id of the WhatsApp business account.'),
  appSecret: Type.String({ description: 'Of the Meta app: signs what it sends.' }),
  verifyToken: Type.String({ description: 'Your own word, which Meta repeats when the callback is set up.' }),
};
const optionalFields = {
  displayPhoneNumber: Type.String({
    description: 'The number as people know it.',
    examples: ['+1 555 078 3881'],
  }),
  accessToken: Type.String({ description: 'Of a system user.' }),
  datasetId: MetaId('Of the Conversions API: where Meta takes what `conversionFeedback` tells it.'),
};
const ConversionFeedback = Type.Boolean({
  description:
    'Tell Meta of purchases and leads that came by a click on an ad. Needs `datasetId` and `accessToken`. Default `false`.',
});

const NullableText = Type.Union([Type.String(), Type.Null()]);
const masked = (description: string) => Type.Union([Type.String(), Type.Null()], { description });

/** A WhatsApp number of an organisation. Secrets are masked. */
export const ChannelView = Type.Object(
  {
    id: Id,
    phoneNumberId: Type.String(),
    wabaId: Type.String(),
    displayPhoneNumber: NullableText,
    datasetId: NullableText,
    conversionFeedback: ConversionFeedback,
    appSecret: masked('Its end. `null`: it cannot be read any more and must be given again.'),
    verifyToken: masked('Its end.'),
    accessToken: masked('Its end. `null`: none was given.'),
    webhookPath: Type.String({
      description: 'Give it to Meta as the callback, behind this API’s address.',
      examples: ['/webhooks/whatsapp/0193a5f2-7c1e-7b1a-9d53-3f0c2a9e4b11'],
    }),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  },
  { $id: 'Channel' },
);
export type ChannelView = Static<typeof ChannelView>;

export const CreateChannelBody = Type.Object(
  {
    ...fields,
    ...Type.Partial(Type.Object(optionalFields)).properties,
    conversionFeedback: Type.Optional(ConversionFeedback),
  },
  {
    $id: 'NewChannel',
    examples: [
      {
        phoneNumberId: '106540352242922',
        wabaId: '102290129340398',
        displayPhoneNumber: '+1 555 078 3881',
        appSecret: '4f1c…',
        verifyToken: 'a word of your own',
      },
    ],
  },
);
export type CreateChannelBody = Static<typeof CreateChannelBody>;

const orNull = (schema: (typeof optionalFields)[keyof typeof optionalFields]) =>
  Type.Union([schema, Type.Null()], { message: 'Text, or null to take it away.' });

export const PatchChannelBody = Type.Partial(
  Type.Object({
    ...fields,
    displayPhoneNumber: orNull(optionalFields.displayPhoneNumber),
    accessToken: orNull(optionalFields.accessToken),
    datasetId: orNull(optionalFields.datasetId),
    conversionFeedback: ConversionFeedback,
  }),
  { $id: 'ChannelPatch', examples: [{ appSecret: '77ab…' }] },
);
export type PatchChannelBody = Static<typeof PatchChannelBody>;

const ChannelsQuery = Type.Object({ limit: Limit, cursor: Cursor });
export type ChannelsQuery = Static<typeof ChannelsQuery>;

const OrganizationParams = Type.Object({ id: Id });
const ChannelParams = Type.Object({ id: Id, channelId: Id });

const common = { service: 'ingest', auth: 'admin', tag: 'Administration' } as const;
const readErrors = ['UNAUTHORIZED', 'FORBIDDEN', 'NOT_FOUND', 'VALIDATION_FAILED', 'UNAVAILABLE'] as const;
const writeErrors = [
  ...readErrors,
  'CONFLICT',
  'MALFORMED_REQUEST',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
] as const;

export const createChannel = defineRoute({
  ...common,
  id: 'createChannel',
  method: 'POST',
  path: '/v1/admin/organizations/:id/channels',
  summary: 'Add a WhatsApp number',
  description: 'Secrets are kept encrypted and never shown again.',
  params: OrganizationParams,
  body: CreateChannelBody,
  responses: { 201: { description: 'The channel.', schema: ChannelView } },
  errors: writeErrors,
});

export const listChannels = defineRoute({
  ...common,
  id: 'listChannels',
  method: 'GET',
  path: '/v1/admin/organizations/:id/channels',
  summary: 'WhatsApp numbers of an organisation, newest first',
  params: OrganizationParams,
  query: ChannelsQuery,
  responses: { 200: { description: 'A page of channels.', schema: Page(ChannelView) } },
  errors: ['BAD_REQUEST', ...readErrors],
});

export const getChannel = defineRoute({
  ...common,
  id: 'getChannel',
  method: 'GET',
  path: '/v1/admin/organizations/:id/channels/:channelId',
  summary: 'One WhatsApp number',
  params: ChannelParams,
  responses: { 200: { description: 'The channel.', schema: ChannelView } },
  errors: readErrors,
});

export const patchChannel = defineRoute({
  ...common,
  id: 'patchChannel',
  method: 'PATCH',
  path: '/v1/admin/organizations/:id/channels/:channelId',
  summary: 'Change a WhatsApp number',
  description: 'What is not named stays. In force at once on every door.',
  params: ChannelParams,
  body: PatchChannelBody,
  responses: { 200: { description: 'The channel as it is now.', schema: ChannelView } },
  errors: writeErrors,
});

export const removeChannel = defineRoute({
  ...common,
  id: 'removeChannel',
  method: 'DELETE',
  path: '/v1/admin/organizations/:id/channels/:channelId',
  summary: 'Remove a WhatsApp number',
  description: 'Its callback answers 404 from then on. What came by it stays.',
  params: ChannelParams,
  responses: {
    200: {
      description: 'Removed.',
      schema: Type.Object({ success: Type.Literal(true), id: Id }, { $id: 'RemovedChannel' }),
    },
  },
  errors: readErrors,
});

export const channelRoutes = [createChannel, listChannels, getChannel, patchChannel, removeChannel];
