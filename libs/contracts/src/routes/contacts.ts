import { Kind, Type, type Static, type TSchema } from '@sinclair/typebox';
import { defineRoute } from '../route.ts';
import { Cursor, Id, Limit, Page, Timestamp } from '../schemas.ts';

const ContactProperties = Type.Record(Type.String(), Type.Unknown(), {
  description:
    'What else you know of the person: an object of at most 64 KB as JSON, at most 10 levels deep.',
});

const CHANNELS = ['email', 'sms', 'whatsapp'] as const;
const Channel = Type.Union(CHANNELS.map((channel) => Type.Literal(channel)));

/** A topic that a contact wants to hear of. */
export const TopicSubscription = Type.Object(
  { topicId: Type.String(), channels: Type.Array(Channel), since: Timestamp },
  { $id: 'TopicSubscription' },
);

/** A person, as the directory knows them. */
export const ContactView = Type.Object(
  {
    id: Id,
    email: Type.Optional(Type.String({ description: 'Lower case.' })),
    phone: Type.Optional(Type.String({ description: 'E.164.' })),
    externalId: Type.Optional(Type.String({ description: 'Your id of the contact.' })),
    firstName: Type.Optional(Type.String()),
    lastName: Type.Optional(Type.String()),
    properties: ContactProperties,
    topics: Type.Optional(
      Type.Array(TopicSubscription, {
        description:
          'What the contact is subscribed to; absent when that is nothing. Given with one contact, not in lists.',
      }),
    ),
    provisional: Type.Optional(
      Type.Literal(true, {
        description:
          'Only a message or a click is known so far: it becomes an alias of the person once it is known whose that was.',
      }),
    ),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  },
  { $id: 'Contact' },
);
export type ContactView = Static<typeof ContactView>;

const identifiers = {
  email: Type.String({
    description: 'An address with an @; case does not matter.',
    examples: ['ada@example.com'],
  }),
  phone: Type.Union([Type.String(), Type.Number()], {
    description: 'With its country code, in any usual writing.',
    examples: ['+49 151 23456789'],
    message: 'A phone number is text or a number.',
  }),
  externalId: Type.String({
    description: 'Your own id of the contact, 1 to 255 characters.',
    examples: ['user-4711'],
  }),
};
const names = { firstName: Type.String(), lastName: Type.String() };

const EXAMPLE = {
  email: 'ada@example.com',
  externalId: 'user-4711',
  firstName: 'Ada',
  properties: { plan: 'pro' },
};

export const CreateContactBody = Type.Partial(
  Type.Object({ ...identifiers, ...names, properties: ContactProperties }),
  { $id: 'NewContact', examples: [EXAMPLE] },
);
export type CreateContactBody = Static<typeof CreateContactBody>;

const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const PatchContactBody = Type.Partial(
  Type.Object({
    email: orNull(identifiers.email),
    phone: orNull(identifiers.phone),
    externalId: orNull(identifiers.externalId),
    firstName: orNull(names.firstName),
    lastName: orNull(names.lastName),
    properties: Type.Record(Type.String(), Type.Unknown(), {
      description: 'Merged key by key into what is there; `null` removes a key.',
    }),
  }),
  { $id: 'ContactPatch', examples: [{ firstName: 'Ada', lastName: null, properties: { plan: 'team' } }] },
);
export type PatchContactBody = Static<typeof PatchContactBody>;

export const MAX_BATCH_CONTACTS = 1_000;

/** Documented as what it should be, taken as whatever it is: items are checked one by one. */
const AnyContact = Type.Unsafe<unknown>({ ...CreateContactBody, [Kind]: 'Unknown' });

export const ContactBatchBody = Type.Object(
  { contacts: Type.Array(AnyContact, { maxItems: MAX_BATCH_CONTACTS, description: 'At most 1,000.' }) },
  { $id: 'ContactBatch' },
);
export type ContactBatchBody = Static<typeof ContactBatchBody>;

const BATCH_STATUSES = ['created', 'updated', 'invalid', 'conflict'] as const;

export const ContactBatchAnswer = Type.Object(
  {
    success: Type.Boolean({ description: 'Whether `errors` is empty.' }),
    processed: Type.Integer({ description: 'Items that are `created` or `updated`.' }),
    errors: Type.Array(Type.String(), { description: 'Each begins with its index: `contacts[3]: …`' }),
    results: Type.Array(
      Type.Object({
        index: Type.Integer({ description: 'Position in `contacts`; results are in that order.' }),
        status: Type.Union(BATCH_STATUSES.map((status) => Type.Literal(status))),
        id: Type.Optional(Type.String()),
        error: Type.Optional(Type.String()),
      }),
    ),
  },
  {
    $id: 'ContactBatchAnswer',
    examples: [
      {
        success: true,
        processed: 2,
        errors: [],
        results: [
          { index: 0, status: 'created', id: '0193a5f2-7c1e-7b1a-9d53-3f0c2a9e4b11' },
          { index: 1, status: 'updated', id: '0193a5f2-7c1e-7b1a-9d53-3f0c2a9e4b12' },
        ],
      },
    ],
  },
);
export type ContactBatchAnswer = Static<typeof ContactBatchAnswer>;

export const MergeContactBody = Type.Object(
  { into: Type.String({ description: 'Id, email or external id of the contact that stays.' }) },
  { $id: 'ContactMerge' },
);
export type MergeContactBody = Static<typeof MergeContactBody>;

export const ErasedContact = Type.Object(
  { success: Type.Literal(true), id: Id, status: Type.Literal('erasing') },
  { $id: 'ErasedContact' },
);
export type ErasedContact = Static<typeof ErasedContact>;

export const FindContactsQuery = Type.Object({
  email: Type.Optional(Type.String({ description: 'The contact with this email.' })),
  phone: Type.Optional(Type.String({ description: 'The contact with this phone number.' })),
  q: Type.Optional(
    Type.String({ description: 'Contacts whose email, external id or name begins with this.' }),
  ),
  limit: Limit,
  cursor: Cursor,
});
export type FindContactsQuery = Static<typeof FindContactsQuery>;

const ContactParams = Type.Object({
  contact: Type.String({ description: 'Id, email or external id.' }),
});
export type ContactParams = Static<typeof ContactParams>;

const writeErrors = [
  'MALFORMED_REQUEST',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'VALIDATION_FAILED',
  'RATE_LIMITED',
  'UNAVAILABLE',
] as const;
const readErrors = ['UNAUTHORIZED', 'FORBIDDEN', 'VALIDATION_FAILED', 'RATE_LIMITED', 'UNAVAILABLE'] as const;

const common = { service: 'ingest', tag: 'Contacts' } as const;

export const createContact = defineRoute({
  ...common,
  id: 'createContact',
  method: 'POST',
  path: '/v1/contacts',
  auth: 'manage',
  summary: 'Create a contact',
  description:
    'At least one of email, phone and externalId is needed; one that another contact has is a conflict.',
  body: CreateContactBody,
  responses: { 201: { description: 'The contact.', schema: ContactView } },
  errors: [...writeErrors, 'CONFLICT'],
});

export const upsertContacts = defineRoute({
  ...common,
  id: 'upsertContacts',
  method: 'POST',
  path: '/v1/contacts/batch',
  auth: 'manage',
  summary: 'Create or update up to 1,000 contacts',
  description:
    'Each item is matched by externalId, else email, else phone; what it does not name stays. Item by item, in order: one bad item stops no other.',
  body: ContactBatchBody,
  bodyTextCheckedByHandler: true,
  invalidBody: 'MALFORMED_REQUEST',
  responses: { 200: { description: 'What became of each item.', schema: ContactBatchAnswer } },
  errors: writeErrors,
});

export const findContacts = defineRoute({
  ...common,
  id: 'findContacts',
  method: 'GET',
  path: '/v1/contacts',
  auth: 'read',
  summary: 'Find contacts, newest first',
  query: FindContactsQuery,
  responses: { 200: { description: 'A page of contacts.', schema: Page(ContactView) } },
  errors: ['BAD_REQUEST', ...readErrors],
});

export const getContact = defineRoute({
  ...common,
  id: 'getContact',
  method: 'GET',
  path: '/v1/contacts/:contact',
  auth: 'read',
  summary: 'One contact',
  description: 'A contact that was merged into another is answered with that other.',
  params: ContactParams,
  responses: { 200: { description: 'The contact.', schema: ContactView } },
  errors: ['NOT_FOUND', ...readErrors],
});

export const patchContact = defineRoute({
  ...common,
  id: 'patchContact',
  method: 'PATCH',
  path: '/v1/contacts/:contact',
  auth: 'manage',
  summary: 'Change a contact',
  description: 'What is not named stays; `null` removes. A contact keeps at least one identifier.',
  params: ContactParams,
  body: PatchContactBody,
  responses: { 200: { description: 'The contact as it is now.', schema: ContactView } },
  errors: ['NOT_FOUND', 'CONFLICT', ...writeErrors],
});

export const eraseContact = defineRoute({
  ...common,
  id: 'eraseContact',
  method: 'DELETE',
  path: '/v1/contacts/:contact',
  auth: 'manage',
  summary: 'Erase a contact',
  description:
    'Removes the contact and its identifiers from the directory at once, and tells every service with `contacts.changed.v1` (`erased`). ' +
    'That timelines and executions forget it too is announced, not done yet.',
  params: ContactParams,
  responses: { 202: { description: 'Erased here, announced to the others.', schema: ErasedContact } },
  errors: ['NOT_FOUND', 'UNAUTHORIZED', 'FORBIDDEN', 'VALIDATION_FAILED', 'RATE_LIMITED', 'UNAVAILABLE'],
});

export const mergeContact = defineRoute({
  ...common,
  id: 'mergeContact',
  method: 'POST',
  path: '/v1/contacts/:contact/merge',
  auth: 'manage',
  summary: 'Merge a contact into another',
  description:
    'The contact becomes an alias of the other: its identifiers find the other from now on. Where both know something, what the other knows stays.',
  params: ContactParams,
  body: MergeContactBody,
  responses: { 200: { description: 'The contact that stays.', schema: ContactView } },
  errors: ['NOT_FOUND', 'CONFLICT', ...writeErrors],
});

const topicParams = Type.Object({
  contact: ContactParams.properties.contact,
  topicId: Type.String({
    minLength: 1,
    maxLength: 255,
    description: 'What is subscribed to, in your own words.',
  }),
});
export type TopicParams = Static<typeof topicParams>;

const topicQuery = Type.Object({
  channel: Type.Optional(
    Type.String({
      pattern: `^(${CHANNELS.join('|')})$`,
      description: 'email, sms or whatsapp: on this channel only. Default: on all.',
      message: 'channel must be email, sms or whatsapp',
    }),
  ),
});
export type TopicQuery = { channel?: (typeof CHANNELS)[number] };

const topicRoute = <const Id extends string, const Method extends 'PUT' | 'DELETE'>(
  id: Id,
  method: Method,
  summary: string,
  description: string,
) =>
  defineRoute({
    ...common,
    id,
    method,
    path: '/v1/contacts/:contact/topics/:topicId',
    auth: 'manage',
    summary,
    description,
    params: topicParams,
    query: topicQuery,
    responses: { 200: { description: 'The contact, with its topics.', schema: ContactView } },
    errors: ['NOT_FOUND', ...readErrors],
  });

export const subscribeTopic = topicRoute(
  'subscribeTopic',
  'PUT',
  'Subscribe a contact to a topic',
  'Starts workflows with the trigger `topic_subscribed`. What it is subscribed to already changes nothing and starts nothing.',
);
export const unsubscribeTopic = topicRoute(
  'unsubscribeTopic',
  'DELETE',
  'Unsubscribe a contact from a topic',
  'Starts workflows with the trigger `topic_unsubscribed`. What it is not subscribed to changes nothing and starts nothing.',
);

export const contactRoutes = [
  createContact,
  upsertContacts,
  findContacts,
  getContact,
  patchContact,
  eraseContact,
  mergeContact,
  subscribeTopic,
  unsubscribeTopic,
];
