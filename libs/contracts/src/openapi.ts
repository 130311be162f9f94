import type { TObject, TSchema } from '@sinclair/typebox';
import { ERROR_STATUS, type ErrorCode } from './errors.ts';
import { toJsonSchema, type JsonSchema } from './json-schema.ts';
import type { RouteAuth, RouteContract, RouteResponse } from './route.ts';
import { ErrorBody } from './schemas.ts';

export interface OpenApiInfo {
  readonly title?: string;
  readonly version: string;
  /** The one address in front of the services, as a caller sees it. */
  readonly serverUrl?: string;
}

/** An OpenAPI 3.1 document: plain JSON, the same for the same routes. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly headers: Readonly<Record<string, OpenApiHeader>>;
    readonly securitySchemes: Readonly<Record<string, JsonSchema>>;
  };
}

export interface OpenApiOperation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly OpenApiParameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: JsonSchema };
  readonly responses: Readonly<Record<string, OpenApiResponse>>;
  /** Which service answers; of interest to whoever writes an ingress, not to a caller. */
  readonly 'x-service': string;
}

export interface OpenApiParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

export interface OpenApiResponse {
  readonly description: string;
  readonly headers?: Readonly<Record<string, JsonSchema>>;
  readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>>;
}

export interface OpenApiHeader {
  readonly description: string;
  readonly schema: JsonSchema;
}

const DESCRIPTION =
  'Counts each event about a contact exactly once, meters it, remembers it, and starts the workflows that wait for it. ' +
  'A trailing slash makes no difference. Every error has the form of `Error`; `x-request-id` is on every answer.';

const HEADERS: Readonly<Record<string, OpenApiHeader>> = {
  'x-request-id': {
    description: 'The id under which our logs know this request: the one you sent, or a new one.',
    schema: { type: 'string' },
  },
  'Retry-After': { description: 'Seconds to wait before trying again.', schema: { type: 'integer' } },
};

/** A fault of ours can happen on any route, so contracts need not list it. */
const ON_EVERY_ROUTE: readonly ErrorCode[] = ['INTERNAL_ERROR'];
const WITH_RETRY_AFTER: ReadonlySet<number> = new Set([429, 503]);

type SchemaOf = (schema: TSchema) => JsonSchema;

export function openApiDocument(routes: readonly RouteContract[], info: OpenApiInfo): OpenApiDocument {
  const schemas: Record<string, JsonSchema> = {};
  const schemaOf: SchemaOf = (schema) =>
    toJsonSchema(schema, (name, named) => {
      schemas[name] = named;
      return { $ref: `#/components/schemas/${name}` };
    });
  schemas['Error'] = toJsonSchema(ErrorBody);

  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:([A-Za-z0-9_]+)/g, '{$1}');
    const verb = route.method.toLowerCase();
    const operations = (paths[path] ??= {});
    if (operations[verb]) throw new Error(`Two routes answer ${route.method} ${route.path}.`);
    operations[verb] = operationOf(route, schemaOf);
  }

  return {
    openapi: '3.1.0',
    info: { title: info.title ?? 'Trackline', version: info.version, description: DESCRIPTION },
    servers: [{ url: info.serverUrl ?? '/' }],
    tags: [...new Set(routes.map((route) => route.tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas,
      headers: HEADERS,
      securitySchemes: {
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          description: 'A key of an organisation, `tl_live_…`, with the scope that the route asks for.',
        },
        adminToken: { type: 'http', scheme: 'bearer', description: "The operator's token." },
      },
    },
  };
}

function operationOf(route: RouteContract, schemaOf: SchemaOf): OpenApiOperation {
  const parameters = [
    ...pathParameters(route, schemaOf),
    ...parametersOf('query', route.query, schemaOf),
    ...parametersOf('header', route.headers, schemaOf),
  ];
  return {
    operationId: route.id,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? undefined : { description: route.description }),
    security: securityOf(route.auth),
    ...(parameters.length === 0 ? undefined : { parameters }),
    ...(route.body === undefined
      ? undefined
      : {
          requestBody: { required: true, content: { 'application/json': { schema: schemaOf(route.body) } } },
        }),
    responses: { ...successes(route, schemaOf), ...failures(route, schemaOf) },
    'x-service': route.service,
  };
}

/** In 3.1 the list of a bearer scheme may name the roles that the call needs: here the key's scope. */
function securityOf(auth: RouteAuth): OpenApiOperation['security'] {
  if (auth === 'public') return [];
  return auth === 'admin' ? [{ adminToken: [] }] : [{ apiKey: [auth] }];
}

function pathParameters(route: RouteContract, schemaOf: SchemaOf): OpenApiParameter[] {
  const described = new Map(
    parametersOf('path', route.params, schemaOf).map((parameter) => [parameter.name, parameter]),
  );
  return [...route.path.matchAll(/:([A-Za-z0-9_]+)/g)].map(([, name = '']) => {
    const parameter = described.get(name);
    return parameter
      ? { ...parameter, required: true }
      : { name, in: 'path', required: true, schema: { type: 'string' } };
  });
}

function parametersOf(
  place: OpenApiParameter['in'],
  fields: TObject | undefined,
  schemaOf: SchemaOf,
): OpenApiParameter[] {
  const required = new Set(fields?.required ?? []);
  return Object.entries(fields?.properties ?? {}).map(([name, property]) => {
    const { description, ...schema } = schemaOf(property);
    return {
      name,
      in: place,
      required: required.has(name),
      ...(typeof description === 'string' ? { description } : undefined),
      schema,
    };
  });
}

function successes(route: RouteContract, schemaOf: SchemaOf): Record<string, OpenApiResponse> {
  return Object.fromEntries(
    Object.entries(route.responses).map(([status, response]) => [status, answered(response, schemaOf)]),
  );
}

function answered(response: RouteResponse, schemaOf: SchemaOf): OpenApiResponse {
  const own = Object.entries(response.headers ?? {}).map(([name, description]) => [
    name,
    { description, schema: { type: 'string' } },
  ]);
  return {
    description: response.description,
    headers: { ...headerRef('x-request-id'), ...Object.fromEntries(own) },
    ...(response.schema === undefined
      ? undefined
      : { content: { [response.contentType ?? 'application/json']: { schema: schemaOf(response.schema) } } }),
  };
}

/** Codes that share a status share an answer: its schema says which they are. */
function failures(route: RouteContract, schemaOf: SchemaOf): Record<string, OpenApiResponse> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set([...route.errors, ...ON_EVERY_ROUTE])) {
    const status = ERROR_STATUS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const answers: Record<string, OpenApiResponse> = {};
  for (const [status, codes] of [...byStatus].sort(([one], [other]) => one - other)) {
    // A contract that describes this answer itself knows its further fields.
    const described = route.responses[status];
    const form = { $ref: '#/components/schemas/Error' };
    const narrowed = { type: 'object', properties: { code: { enum: codes } } };
    const own = described?.schema ? [schemaOf(described.schema)] : [];
    answers[status] = {
      description: [
        ...(described ? [described.description] : []),
        codes.map((code) => `\`${code}\``).join(' or '),
      ].join(' '),
      headers: {
        ...(described ? answered(described, schemaOf).headers : headerRef('x-request-id')),
        ...(WITH_RETRY_AFTER.has(status) ? headerRef('Retry-After') : undefined),
      },
      content: {
        'application/json': {
          schema: own.length > 0 ? { anyOf: [...own, form] } : { allOf: [form, narrowed] },
        },
      },
    };
  }
  return answers;
}

const headerRef = (name: keyof typeof HEADERS): Record<string, JsonSchema> => ({
  [name]: { $ref: `#/components/headers/${name}` },
});
