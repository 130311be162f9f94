/** A schema as it stands in a published document: plain JSON, without what only our validators know. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** Keywords of ours: `message` is what a caller is told when the value does not fit. */
const OWN_KEYWORDS = new Set(['message', '$id']);
const MAPS_OF_SCHEMAS = new Set(['properties', 'patternProperties', '$defs']);
const LISTS_OF_SCHEMAS = new Set(['anyOf', 'oneOf', 'allOf', 'prefixItems']);
const SCHEMAS = new Set([
  'items',
  'additionalProperties',
  'not',
  'contains',
  'propertyNames',
  'if',
  'then',
  'else',
]);

/** What `toJsonSchema` does with a schema that has a name (`$id`): usually a `$ref`, and the schema beside the others. */
export type NamedSchema = (name: string, schema: JsonSchema) => JsonSchema;

/**
 * A TypeBox schema as plain JSON Schema 2020-12. A choice between literals becomes an `enum`, which every reader of
 * OpenAPI shows better than `anyOf` of `const`s.
 */
export function toJsonSchema(schema: object, named?: NamedSchema): JsonSchema {
  const plain: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (OWN_KEYWORDS.has(keyword)) continue;
    plain[keyword] = convert(keyword, value, named);
  }
  const json = withEnum(plain);
  const { $id: name } = schema as { $id?: unknown };
  return named && typeof name === 'string' ? named(name, json) : json;
}

function convert(keyword: string, value: unknown, named: NamedSchema | undefined): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (SCHEMAS.has(keyword)) return toJsonSchema(value, named);
  if (LISTS_OF_SCHEMAS.has(keyword)) return (value as object[]).map((inner) => toJsonSchema(inner, named));
  if (MAPS_OF_SCHEMAS.has(keyword)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, toJsonSchema(inner as object, named)]),
    );
  }
  return value;
}

function withEnum(schema: Record<string, unknown>): JsonSchema {
  const { anyOf, ...rest } = schema;
  const choices = anyOf as readonly JsonSchema[] | undefined;
  const isLiteral = (choice: JsonSchema) =>
    'const' in choice && Object.keys(choice).every((keyword) => keyword === 'const' || keyword === 'type');
  if (!choices || choices.length < 2 || !choices.every(isLiteral)) return schema;
  const types = new Set(choices.map((choice) => choice['type']));
  return {
    ...rest,
    ...(types.size === 1 ? { type: [...types][0] } : undefined),
    enum: choices.map((choice) => choice['const']),
  };
}
