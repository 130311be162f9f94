import { Type, type Static } from '@sinclair/typebox';
import { PLAN_NAMES } from '../plans.ts';
import { defineRoute } from '../route.ts';
import { Cursor, Id, Limit, Page, Timestamp } from '../schemas.ts';

const PlanField = Type.Union(
  PLAN_NAMES.map((name) => Type.Literal(name)),
  {
    description: '`custom` takes a monthlyLimit of its own.',
    message: `The plan is one of ${PLAN_NAMES.join(', ')}.`,
  },
);
const MonthlyLimit = Type.Union([Type.Integer(), Type.Null()], {
  description: 'Events a month, with plan `custom` only. The hard cap is 125 % of it, rounded down.',
  message: 'The monthly limit is a whole number.',
});
const RequestsPerMinute = Type.Union([Type.Integer(), Type.Null()], {
  description: "Instead of the plan's own rate. `null`: the plan's.",
  message: 'Requests per minute are a whole number.',
});

const settingFields = {
  attributionWindowHours: Type.Integer({
    description: 'An order counts for a conversation at most this long before it. Default 168.',
  }),
  attributionModel: Type.Union([Type.Literal('last_touch'), Type.Literal('first_touch')], {
    description: 'Default `last_touch`.',
    message: 'The model is last_touch or first_touch.',
  }),
  orderEventNames: Type.Array(Type.String(), { description: 'Default `["order"]`.' }),
  leadEventNames: Type.Array(Type.String(), {
    description:
      'What Meta is told of as leads, where a channel has `conversionFeedback`. Default `["lead"]`.',
  }),
  defaultCurrency: Type.Union([Type.String(), Type.Null()], {
    description: 'ISO 4217, for orders that name none.',
    message: 'The currency is a code of three capital letters (ISO 4217), or null.',
  }),
};

export const SettingsBody = Type.Partial(Type.Object(settingFields, { additionalProperties: false }), {
  $id: 'OrganizationSettings',
});

export const OrganizationView = Type.Object(
  {
    id: Id,
    name: Type.String(),
    plan: PlanField,
    monthlyLimit: Type.Union([Type.Integer(), Type.Null()], { description: '`null`: unlimited.' }),
    hardCap: Type.Union([Type.Integer(), Type.Null()], { description: '`null`: none.' }),
    requestsPerMinute: Type.Union([Type.Integer(), Type.Null()], { description: '`null`: no rate.' }),
    burst: Type.Union([Type.Integer(), Type.Null()], { description: 'Requests that may come at once.' }),
    settings: Type.Object(settingFields),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  },
  { $id: 'Organization' },
);
export type OrganizationView = Static<typeof OrganizationView>;

export const CreateOrganizationBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 255 }),
    plan: PlanField,
    monthlyLimit: Type.Optional(MonthlyLimit),
    requestsPerMinute: Type.Optional(RequestsPerMinute),
    settings: Type.Optional(SettingsBody),
  },
  { $id: 'NewOrganization', examples: [{ name: 'Example Ltd', plan: 'growth' }] },
);
export type CreateOrganizationBody = Static<typeof CreateOrganizationBody>;

export const PatchOrganizationBody = Type.Partial(
  Type.Object({
    name: Type.String({ minLength: 1, maxLength: 255 }),
    plan: PlanField,
    monthlyLimit: MonthlyLimit,
    requestsPerMinute: RequestsPerMinute,
    settings: SettingsBody,
  }),
  { $id: 'OrganizationPatch' },
);
export type PatchOrganizationBody = Static<typeof PatchOrganizationBody>;

const Scope = Type.Union([Type.Literal('events:write'), Type.Literal('read'), Type.Literal('manage')], {
  message: 'A scope is events:write, read or manage.',
});

export const KeyView = Type.Object(
  {
    id: Id,
    name: Type.String(),
    prefix: Type.String({ description: 'How the key begins, to tell keys apart.' }),
    scopes: Type.Array(Scope),
    createdAt: Timestamp,
    expiresAt: Type.Union([Timestamp, Type.Null()]),
    revokedAt: Type.Union([Timestamp, Type.Null()]),
  },
  { $id: 'Key' },
);
export type KeyView = Static<typeof KeyView>;

export const CreatedKey = Type.Object(
  {
    ...KeyView.properties,
    key: Type.String({ description: 'The key itself. It is shown this once; we keep a hash of it.' }),
  },
  { $id: 'CreatedKey' },
);
export type CreatedKey = Static<typeof CreatedKey>;

export const CreateKeyBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 255 }),
    scopes: Type.Optional(
      Type.Array(Scope, { minItems: 1, uniqueItems: true, description: 'All three by default.' }),
    ),
    expiresAt: Type.Optional(
      Type.Union([Type.String(), Type.Null()], {
        description: 'ISO 8601. Default: never.',
        examples: ['2027-12-31T00:00:00Z'],
      }),
    ),
  },
  { $id: 'NewKey', examples: [{ name: 'checkout service', scopes: ['events:write'] }] },
);
export type CreateKeyBody = Static<typeof CreateKeyBody>;

export const RevokedKey = Type.Object({ success: Type.Literal(true), id: Id }, { $id: 'RevokedKey' });

const PageQuery = Type.Object({ limit: Limit, cursor: Cursor });
export type PageQuery = Static<typeof PageQuery>;

const OrganizationParams = Type.Object({ id: Id });
const KeyParams = Type.Object({ id: Id, keyId: Id });

const writeErrors = [
  'MALFORMED_REQUEST',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'VALIDATION_FAILED',
  'UNAVAILABLE',
] as const;
const readErrors = ['UNAUTHORIZED', 'FORBIDDEN', 'VALIDATION_FAILED', 'UNAVAILABLE'] as const;

const common = { service: 'ingest', auth: 'admin', tag: 'Administration' } as const;

export const createOrganization = defineRoute({
  ...common,
  id: 'createOrganization',
  method: 'POST',
  path: '/v1/admin/organizations',
  summary: 'Create an organisation',
  body: CreateOrganizationBody,
  responses: { 201: { description: 'The organisation.', schema: OrganizationView } },
  errors: writeErrors,
});

export const listOrganizations = defineRoute({
  ...common,
  id: 'listOrganizations',
  method: 'GET',
  path: '/v1/admin/organizations',
  summary: 'Organisations, newest first',
  query: PageQuery,
  responses: { 200: { description: 'A page of organisations.', schema: Page(OrganizationView) } },
  errors: ['BAD_REQUEST', ...readErrors],
});

export const getOrganization = defineRoute({
  ...common,
  id: 'getOrganization',
  method: 'GET',
  path: '/v1/admin/organizations/:id',
  summary: 'One organisation',
  params: OrganizationParams,
  responses: { 200: { description: 'The organisation.', schema: OrganizationView } },
  errors: ['NOT_FOUND', ...readErrors],
});

export const patchOrganization = defineRoute({
  ...common,
  id: 'patchOrganization',
  method: 'PATCH',
  path: '/v1/admin/organizations/:id',
  summary: 'Change an organisation',
  description: 'What is not named stays, in the settings too. In force at once on every door.',
  params: OrganizationParams,
  body: PatchOrganizationBody,
  responses: { 200: { description: 'The organisation as it is now.', schema: OrganizationView } },
  errors: ['NOT_FOUND', ...writeErrors],
});

export const createKey = defineRoute({
  ...common,
  id: 'createKey',
  method: 'POST',
  path: '/v1/admin/organizations/:id/keys',
  summary: 'Create an API key',
  params: OrganizationParams,
  body: CreateKeyBody,
  responses: { 201: { description: 'The key, shown this once.', schema: CreatedKey } },
  errors: ['NOT_FOUND', ...writeErrors],
});

export const listKeys = defineRoute({
  ...common,
  id: 'listKeys',
  method: 'GET',
  path: '/v1/admin/organizations/:id/keys',
  summary: 'API keys of an organisation, newest first',
  params: OrganizationParams,
  query: PageQuery,
  responses: { 200: { description: 'A page of keys, without the keys themselves.', schema: Page(KeyView) } },
  errors: ['NOT_FOUND', 'BAD_REQUEST', ...readErrors],
});

export const revokeKey = defineRoute({
  ...common,
  id: 'revokeKey',
  method: 'DELETE',
  path: '/v1/admin/organizations/:id/keys/:keyId',
  summary: 'Revoke an API key',
  description: 'In force at once on every door. Revoking again changes nothing.',
  params: KeyParams,
  responses: { 200: { description: 'Revoked.', schema: RevokedKey } },
  errors: ['NOT_FOUND', ...readErrors],
});

export const adminRoutes = [
  createOrganization,
  listOrganizations,
  getOrganization,
  patchOrganization,
  createKey,
  listKeys,
  revokeKey,
];
