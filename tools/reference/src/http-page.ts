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
    '## Errors',
    fieldTable(document.components.schemas['Error'] ?? {}),
    table(
      ['code', 'status'],
      Object.entries(ERROR_STATUS).map(([code, status]) => [`\`${code}\``, String(status)]),
    ),
  )}\n`;
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
    table(['answer', 'is', 'body'], answers(operation)),
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

function answers(operation: OpenApiOperation): string[][] {
  return Object.entries(operation.responses).map(([status, { description, headers, content }]) => {
    const told = Object.entries(headers ?? {}).flatMap(([name, header]) =>
      typeof header['description'] === 'string' ? [`\`${name}\`: ${header['description']}`] : [],
    );
    const [type, form] = Object.entries(content ?? {})[0] ?? [];
    const isError = Number(status) >= 400;
    const body =
      type === undefined || isError ? '' : type === 'application/json' ? inWords(form?.schema) : type;
    return [status, [description, ...told].join(' '), body && `\`${body}\``];
  });
}
