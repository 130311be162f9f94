import type { JsonSchema } from '@trackline/contracts';

/** A schema in a few words, as a person would say it in a table cell: `string`, `"yes" | "no"`, `{id, name}[]`. */
export function inWords(schema: JsonSchema | undefined): string {
  if (schema === undefined) return '';
  if ('const' in schema) return JSON.stringify(schema['const']);
  const {
    enum: choices,
    anyOf,
    allOf,
    type,
  } = schema as {
    enum?: unknown[];
    anyOf?: JsonSchema[];
    allOf?: JsonSchema[];
    type?: string | string[];
  };
  if (choices) return choices.map((choice) => JSON.stringify(choice)).join(' | ');
  if (anyOf) return [...new Set(anyOf.map(inWords))].join(' | ');
  if (allOf) return [...new Set(allOf.map(inWords))].join(' & ');
  if (typeof schema['$ref'] === 'string') return schema['$ref'].split('/').at(-1) ?? '';
  if (type === 'array') return `${bracketed(inWords(schema['items'] as JsonSchema | undefined))}[]`;
  if (type === 'object') return objectInWords(schema);
  return [type ?? 'any'].flat().join(' | ');
}

const MOST_FIELDS = 12;

function objectInWords(schema: JsonSchema): string {
  const fields = schema['properties'] as Readonly<Record<string, JsonSchema>> | undefined;
  if (!fields) return 'object';
  const required = new Set((schema['required'] as string[] | undefined) ?? []);
  const names = Object.entries(fields).map(([name, field]) => {
    const shape = JSON.stringify(field).includes('"$ref"') ? `: ${inWords(field)}` : '';
    return `${name}${required.has(name) ? '' : '?'}${shape}`;
  });
  return `{${names.length > MOST_FIELDS ? [...names.slice(0, MOST_FIELDS), '…'].join(', ') : names.join(', ')}}`;
}

const bracketed = (words: string): string => (words.includes(' | ') ? `(${words})` : words || 'any');

/** Bounds that a caller has to keep. */
export function bounds(schema: JsonSchema): string {
  const said: string[] = [];
  const say = (keyword: string, words: (value: unknown) => string) => {
    if (schema[keyword] !== undefined) said.push(words(schema[keyword]));
  };
  const { minLength, maxLength } = schema as { minLength?: number; maxLength?: number };
  if (minLength !== undefined && maxLength !== undefined)
    said.push(`${minLength} to ${maxLength} characters`);
  else {
    say('minLength', (value) => `at least ${String(value)} characters`);
    say('maxLength', (value) => `at most ${String(value)} characters`);
  }
  say('minItems', (value) => `at least ${String(value)} items`);
  say('maxItems', (value) => `at most ${String(value)} items`);
  say('minimum', (value) => `≥ ${String(value)}`);
  say('maximum', (value) => `≤ ${String(value)}`);
  say('default', (value) => `default ${JSON.stringify(value)}`);
  return said.join(', ');
}
