import { Type } from '@sinclair/typebox';
import { defineRoute } from '../route.ts';

/** Not among `routes`: they are about the API, not part of it. */
const common = { service: 'ingest', method: 'GET', auth: 'public', tag: 'Documentation' } as const;

export const getOpenApi = defineRoute({
  ...common,
  id: 'getOpenApi',
  path: '/openapi.json',
  summary: 'This document: OpenAPI 3.1 of every route',
  responses: {
    200: { description: 'The document.', schema: Type.Object({ openapi: Type.Literal('3.1.0') }) },
  },
  errors: [],
});

export const getDocs = defineRoute({
  ...common,
  id: 'getDocs',
  path: '/docs',
  summary: 'The same as a page to read',
  responses: { 200: { description: 'The page.', schema: Type.String(), contentType: 'text/html' } },
  errors: [],
});
