import type { JsonSchema } from '@trackline/contracts';

/** One line of a table: a field, or a field of a field. */
export interface Field {
  /** `results[].index`: the way to it from the top. */
  readonly path: string;
  readonly depth: number;
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
  readonly bounds: string;
}

export type Schemas = Readonly<Record<string, JsonSchema>>;

interface Shape {
  readonly $ref?: string;
  readonly type?: string | string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Schemas;
  readonly required?: readonly string[];
  readonly description?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

const MAX_DEPTH = 4;

export const nameOf = (ref: string): string => ref.split('/').at(-1)!;

/** The schema behind a reference; what stands beside the reference (a description) goes before what stands behind it. */
export function resolve(schema: JsonSchema, schemas: Schemas): JsonSchema & Shape {
  const { $ref, ...beside } = schema as Shape;
  if ($ref === undefined) return schema;
  return { ...resolve(schemas[nameOf($ref)] ?? {}, schemas), ...beside };
}

/** The fields of an object, and of the objects in it, as the lines of a table. */
export function fieldsOf(schema: JsonSchema, schemas: Schemas): Field[] {
  return objectFields(schema, schemas, '', 0, []);
}

function objectFields(
  schema: JsonSchema,
  schemas: Schemas,
  prefix: string,
  depth: number,
  seen: readonly string[],
): Field[] {
  const { $ref } = schema as Shape;
  // A step has branches of steps: told once.
  if ($ref !== undefined && seen.includes($ref)) return [];
  const inside = $ref === undefined ? seen : [...seen, $ref];
  const { properties = {}, required = [] } = resolve(schema, schemas);
  return Object.entries(properties).flatMap(([name, property]) => {
    const path = `${prefix}${name}`;
    const resolved = resolve(property, schemas);
    const field: Field = {
      path,
      depth,
      type: typeWords(property, schemas),
      required: required.includes(name),
      description: resolved.description ?? '',
      bounds: boundsOf(resolved),
    };
    if (depth >= MAX_DEPTH) return [field];
    const inner = resolved.type === 'array' && resolved.items ? resolved.items : property;
    const way = inner === property ? `${path}.` : `${path}[].`;
    return [field, ...objectFields(inner, schemas, way, depth + 1, inside)];
  });
}

/** A type in a few words: `string`, `"yes" | "no"`, `Contact[]`. */
export function typeWords(schema: JsonSchema, schemas: Schemas): string {
  const { $ref, type, const: only, enum: choices, anyOf, allOf, items } = schema as Shape;
  if ($ref !== undefined) return nameOf($ref);
  if (only !== undefined) return JSON.stringify(only);
  if (choices) return choices.map((choice) => JSON.stringify(choice)).join(' | ');
  if (anyOf) return [...new Set(anyOf.map((one) => typeWords(one, schemas)))].join(' | ');
  if (allOf) return [...new Set(allOf.map((one) => typeWords(one, schemas)))].join(' & ');
  if (type === 'array') {
    const item = items ? typeWords(items, schemas) : 'any';
    return item.includes(' | ') ? `(${item})[]` : `${item}[]`;
  }
  return type === undefined ? 'any' : [type].flat().join(' | ');
}

function boundsOf({ minLength, maxLength, minItems, maxItems }: Shape): string {
  return [range(minLength, maxLength, 'characters'), range(minItems, maxItems, 'items')]
    .filter(Boolean)
    .join(', ');
}

function range(min: number | undefined, max: number | undefined, of: string): string {
  if (min !== undefined && max !== undefined) return `${min} to ${max} ${of}`;
  if (max !== undefined) return `at most ${max} ${of}`;
  return min === undefined ? '' : `at least ${min} ${of}`;
}
