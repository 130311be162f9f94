import { describe, expect, it } from '@jest/globals';
import { Type } from '@sinclair/typebox';
import { openApiDocument } from './openapi.ts';
import { defineRoute, type RouteContract } from './route.ts';

const readThing: RouteContract = defineRoute({
  id: 'readThing',
  service: 'timeline',
  method: 'GET',
  path: '/v1/things/:id',
  auth: 'read',
  tag: 'Things',
  summary: 'Read a thing',
  params: Type.Object({ id: Type.String({ description: 'Its id.' }) }),
  query: Type.Object({
    limit: Type.Optional(Type.String({ pattern: '^[0-9]+$', message: 'limit must be a number.' })),
    from: Type.String(),
  }),
  responses: {
    200: {
      description: 'The thing.',
      schema: Type.Object({
        message: Type.String(),
        state: Type.Union([Type.Literal('old'), Type.Literal('new')]),
      }),
      headers: { 'X-Thing': 'Of interest.' },
    },
  },
  errors: ['NOT_FOUND', 'RATE_LIMITED', 'EVENT_LIMIT_EXCEEDED', 'UNAVAILABLE'],
});

const documentOf = (...routes: RouteContract[]) => openApiDocument(routes, { version: '1.0.0' });
const operation = documentOf(readThing).paths['/v1/things/{id}']!['get']!;

describe('an OpenAPI document', () => {
  it('has a path with braces and its parameters, a required one named so', () => {
    expect(operation.parameters).toEqual([
      { name: 'id', in: 'path', required: true, description: 'Its id.', schema: { type: 'string' } },
      { name: 'limit', in: 'query', required: false, schema: { type: 'string', pattern: '^[0-9]+$' } },
      { name: 'from', in: 'query', required: true, schema: { type: 'string' } },
    ]);
  });

  it('keeps a field called message and drops the keyword of that name', () => {
    expect(operation.responses['200']!.content!['application/json']!.schema).toEqual({
      type: 'object',
      required: ['message', 'state'],
      properties: { message: { type: 'string' }, state: { type: 'string', enum: ['old', 'new'] } },
    });
  });

  it('tells the scope that a key needs, the admin token, or that none is needed', () => {
    expect(operation.security).toEqual([{ apiKey: ['read'] }]);
    const withAuth = (auth: RouteContract['auth']) =>
      documentOf({ ...readThing, auth }).paths['/v1/things/{id}']!['get']!.security;
    expect(withAuth('admin')).toEqual([{ adminToken: [] }]);
    expect(withAuth('public')).toEqual([]);
  });

  it('has one answer per status with the codes that it may carry, and that of a fault of ours', () => {
    expect(Object.keys(operation.responses)).toEqual(['200', '404', '429', '500', '503']);
    expect(operation.responses['429']).toEqual({
      description: '`RATE_LIMITED` or `EVENT_LIMIT_EXCEEDED`',
      headers: {
        'x-request-id': { $ref: '#/components/headers/x-request-id' },
        'Retry-After': { $ref: '#/components/headers/Retry-After' },
      },
      content: {
        'application/json': {
          schema: {
            allOf: [
              { $ref: '#/components/schemas/Error' },
              { type: 'object', properties: { code: { enum: ['RATE_LIMITED', 'EVENT_LIMIT_EXCEEDED'] } } },
            ],
          },
        },
      },
    });
  });

  it('says a schema with a name once', () => {
    const Thing = Type.Object({ id: Type.String() }, { $id: 'Thing' });
    const document = documentOf({
      ...readThing,
      responses: { 200: { description: 'Things.', schema: Type.Array(Thing) } },
    });
    expect(document.components.schemas['Thing']).toMatchObject({ type: 'object' });
    expect(
      document.paths['/v1/things/{id}']!['get']!.responses['200']!.content!['application/json']!.schema,
    ).toEqual({
      type: 'array',
      items: { $ref: '#/components/schemas/Thing' },
    });
  });

  it('is plain JSON', () => {
    const document = documentOf(readThing);
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });

  it('refuses two routes at one address', () => {
    expect(() => documentOf(readThing, readThing)).toThrow('Two routes answer GET /v1/things/:id.');
  });
});
