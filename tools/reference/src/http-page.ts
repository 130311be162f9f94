import { ERROR_STATUS, type OpenApiDocument, type OpenApiOperation } from '@trackline/contracts';
import { fieldTable, paragraphs, table } from './markdown.ts';
import { bounds, inWords } from './schema-words.ts';

interface Route {
  readonly method: string;
  readonly path: string;
  readonly operation: OpenApiOperation;
}

/** The routes as a page to read; the same facts as openapi.json, from which it is made. */
export function httpPage(document: OpenApiDocument): string {
  const routes: readonly Route[] = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([verb, operation]) => ({ method: verb.toUpperCase(), path, operation })),
  );
  return `${paragraphs(
    '# HTTP routes',
    '<!-- Generated from libs/contracts by `npm run reference`. -->',
    document.info.description,
    'As a document for tools: [openapi.json](openapi.json); served at `/openapi.json`.',
    ...document.tags.map(({ name }) =>
      paragraphs(
        `## ${name}`,
        ...routes.filter(({ operation }) => operation.tags.includes(name)).map(section),
      ),
    ),
    '## Shapes',
    ...Object.entries(document.components.schemas).map(([name, schema]) =>
      paragraphs(
        `### ${name}`,
        String(schema['description'] ?? ''),
        fieldTable(schema) || `\`${inWords(schema)}\``,
      ),
    ),
    '## Headers of answers',
    headerTable(document, routes),
    '## Error codes',
    table(
      ['code', 'status'],
      Object.entries(ERROR_STATUS).map(([code, status]) => [`\`${code}\``, String(status)]),
    ),
  )}\n`;
}

function headerTable(document: OpenApiDocument, routes: readonly Route[]): string {
  const told = new Map(
    Object.entries(document.components.headers).map(([name, header]) => [name, header.description]),
  );
  for (const { operation } of routes) {
    for (const { headers } of Object.values(operation.responses)) {
      for (const [name, { description }] of Object.entries(headers ?? {})) {
        if (typeof description === 'string') told.set(name, description);
      }
    }
  }
  return table(
    ['header', 'is'],
    [...told].map(([name, description]) => [`\`${name}\``, description]),
  );
}

function section({ method, path, operation }: Route): string {
  const body = operation.requestBody?.content['application/json'] as
    { schema: Record<string, unknown> } | undefined;
  return paragraphs(
    `### ${method} ${path}`,
    [operation.summary, operation.description].filter(Boolean).join('. ').replaceAll('..', '.'),
    `${access(operation)} Answered by ${operation['x-service']}.`,
    table(
      ['parameter', 'in', 'type', '', 'is'],
      (operation.parameters ?? []).map((parameter) => [
        `\`${parameter.name}\``,
        parameter.in,
        `\`${inWords(parameter.schema)}\``,
        parameter.required ? 'required' : '',
        [parameter.description ?? '', bounds(parameter.schema)].filter(Boolean).join(' '),
      ]),
    ),
    body && paragraphs('Body:', bodyWords(body.schema)),
    table(['answer', 'is', 'body', 'headers'], answers(operation)),
  );
}

const bodyWords = (schema: Record<string, unknown>): string => fieldTable(schema) || `\`${inWords(schema)}\``;

function access({ security }: OpenApiOperation): string {
  const [first] = security;
  if (!first) return 'Anybody may call it.';
  return 'adminToken' in first
    ? 'Needs the admin token.'
    : `Needs a key with the scope \`${first['apiKey']?.join(', ') ?? ''}\`.`;
}

const ON_EVERY_ANSWER = 'x-request-id';

function answers(operation: OpenApiOperation): string[][] {
  return Object.entries(operation.responses).map(([status, { description, headers, content }]) => {
    const names = Object.keys(headers ?? {}).filter((name) => name !== ON_EVERY_ANSWER);
    const [type, form] = Object.entries(content ?? {})[0] ?? [];
    const isError = Number(status) >= 400;
    const body =
      type === undefined || isError ? '' : type === 'application/json' ? inWords(form?.schema) : type;
    return [status, description, body && `\`${body}\``, names.map((name) => `\`${name}\``).join(', ')];
  });
}
