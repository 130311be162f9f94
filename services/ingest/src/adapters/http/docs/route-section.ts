import type { JsonSchema, OpenApiOperation, OpenApiParameter, OpenApiResponse } from '@trackline/contracts';
import { exampleOf } from './example.ts';
import { html, prose, type Html } from './html.ts';
import { fieldsOf, typeWords, type Field, type Schemas } from './schema-fields.ts';

export interface DocumentedRoute {
  readonly method: string;
  readonly path: string;
  readonly operation: OpenApiOperation;
}

interface Place {
  readonly schemas: Schemas;
  /** Without a slash at its end. */
  readonly serverUrl: string;
}

/** One route: what to send, what comes back. */
export function routeSection({ method, path, operation }: DocumentedRoute, place: Place): Html {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  const body = jsonSchemaOf(requestBody?.content);
  const answers = Object.entries(responses);
  const good = answers.filter(([status]) => Number(status) < 300);
  const bad = answers.filter(([status]) => Number(status) >= 300);
  return html`<article id="${operationId}" class="route">
    <header>
      <h3><a href="#${operationId}">${summary}</a></h3>
      <p class="address">${methodBadge(method)} <code>${breakable(path)}</code> ${authBadge(operation)}</p>
    </header>
    ${description && html`<p>${prose(description)}</p>`}
    <div class="columns">
      <div class="told">
        ${
          parameters.length > 0 &&
          html`<h4>Parameters</h4>
            ${parameterTable(parameters, place.schemas)}`
        }
        ${
          body &&
          html`<h4>Body</h4>
            ${schemaTable(body, place.schemas, 'body')}`
        }
        <h4>Answers</h4>
        ${good.map(([status, response]) => answer(status, response, place.schemas, true))}
        ${bad.map(([status, response]) => answer(status, response, place.schemas, false))}
      </div>
      <div class="shown">
        ${code('Request', curl({ method, path, operation }, body, place))}
        ${good.slice(0, 1).map(([status, { content }]) => {
          const schema = jsonSchemaOf(content);
          return schema && code(`Answer ${status}`, json(exampleOf(schema, place.schemas)));
        })}
      </div>
    </div>
  </article>`;
}

export const methodBadge = (method: string): Html =>
  html`<span class="method ${method.toLowerCase()}">${method.toUpperCase()}</span>`;

/** Long paths may break behind a slash, on a telephone. */
const breakable = (path: string): Html[] => path.split(/(?<=\/)/).map((part) => html`${part}<wbr />`);

function authBadge({ security }: OpenApiOperation): Html | false {
  const [[scheme, scopes] = []] = security.map((one) => Object.entries(one)[0] ?? []);
  if (scheme === undefined) return html`<span class="auth">public</span>`;
  return html`<span class="auth"
    >${scheme === 'adminToken' ? 'admin token' : html`key with <code>${scopes?.[0]}</code>`}</span
  >`;
}

function answer(
  status: string,
  { description, headers = {}, content }: OpenApiResponse,
  schemas: Schemas,
  isGood: boolean,
): Html {
  const schema = jsonSchemaOf(content);
  const own = Object.entries(headers).filter(([, header]) => !('$ref' in header));
  const details = [
    schema && isGood && schemaTable(schema, schemas, 'answer'),
    schema && !isGood && ownErrorTable(schema, schemas),
    own.length > 0 &&
      html`<h5>Headers</h5>
        ${table(
          own.map(([name, header]) => fieldOf(name, (header as { description: string }).description)),
          MARKS.none,
        )}`,
  ].filter(Boolean) as Html[];
  const head = html`<span class="status ${isGood ? 'good' : 'bad'}">${status}</span>
    <span>${prose(description)}</span>`;
  if (details.length === 0) return html`<p class="answer">${head}</p>`;
  return html`<details class="answer" ${isGood && html`open`}>
    <summary>${head}</summary>
    ${details}
  </details>`;
}

/** Fields that an error has beyond the common form. */
function ownErrorTable(schema: JsonSchema, schemas: Schemas): Html | false {
  const own = ((schema as { anyOf?: JsonSchema[] }).anyOf ?? []).filter(
    (one) => one['$ref'] !== '#/components/schemas/Error',
  );
  return own.length > 0 && html`${own.map((one) => schemaTable(one, schemas, 'answer'))}`;
}

/** What is said beside a field's type. */
type Mark = (field: Field) => string;

const MARKS = {
  body: ({ required }) => (required ? 'required' : ''),
  answer: ({ required }) => (required ? '' : 'not always there'),
  none: () => '',
} satisfies Record<string, Mark>;

function schemaTable(schema: JsonSchema, schemas: Schemas, of: 'body' | 'answer'): Html {
  const fields = fieldsOf(schema, schemas);
  return fields.length > 0
    ? table(fields, MARKS[of])
    : html`<p><code>${typeWords(schema, schemas)}</code></p>`;
}

function parameterTable(parameters: readonly OpenApiParameter[], schemas: Schemas): Html {
  const places = new Map(
    parameters.map(({ name, in: place, required }) => [
      name,
      required ? `in ${place}, required` : `in ${place}`,
    ]),
  );
  const fields = parameters.map(({ name, schema, required, description = '' }) =>
    fieldOf(name, description, typeWords(schema, schemas), required),
  );
  return table(fields, ({ path }) => places.get(path) ?? '');
}

const fieldOf = (path: string, description: string, type = '', required = false): Field => ({
  path,
  depth: 0,
  type,
  required,
  description,
  bounds: '',
});

function table(fields: readonly Field[], mark: Mark): Html {
  return html`<div class="table">
    <table>
      <tbody>
        ${fields.map(
          (field) =>
            html`<tr>
              <th scope="row" class="depth-${field.depth}"><code>${breakableField(field.path)}</code></th>
              <td>
                <span class="type">${field.type}</span>
                <span class="mark">${mark(field)}</span>
                <span class="mark">${field.bounds}</span>
                ${field.description && html`<div>${prose(field.description)}</div>`}
              </td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

const breakableField = (path: string): Html[] => path.split(/(?<=[.\]])/).map((part) => html`${part}<wbr />`);

const jsonSchemaOf = (content: unknown): JsonSchema | undefined =>
  (content as { 'application/json'?: { schema: JsonSchema } } | undefined)?.['application/json']?.schema;

const json = (value: unknown): string => JSON.stringify(value, null, 2);

function curl(
  { method, path, operation }: DocumentedRoute,
  body: JsonSchema | undefined,
  { schemas, serverUrl }: Place,
): string {
  const [scheme] = operation.security.flatMap((one) => Object.keys(one));
  const lines = [`curl ${method === 'get' ? '' : `-X ${method.toUpperCase()} `}${quoted(serverUrl + path)}`];
  if (scheme !== undefined)
    lines.push(`-H "Authorization: Bearer ${scheme === 'adminToken' ? '$ADMIN_TOKEN' : '$API_KEY'}"`);
  if (body) lines.push(`-H 'Content-Type: application/json'`, `-d ${quoted(json(exampleOf(body, schemas)))}`);
  return lines.join(' \\\n  ');
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export const code = (title: string, text: string): Html =>
  html`<figure>
    <figcaption>${title}<button type="button" data-copy>Copy</button></figcaption>
    <pre tabindex="0"><code>${text}</code></pre>
  </figure>`;
