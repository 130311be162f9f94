import type { JsonSchema } from '@trackline/contracts';
import { nameOf, resolve, type Schemas } from './schema-fields.ts';

const ID = '0193a5f2-7c1e-7b1a-9d53-3f0c2a9e4b11';
const MAX_DEPTH = 5;

/** A value of the schema: the one it names, else one made up from its type and the name of its field. */
export function exampleOf(
  schema: JsonSchema,
  schemas: Schemas,
  name = '',
  seen: readonly string[] = [],
): unknown {
  const { $ref } = schema as { $ref?: string };
  if ($ref !== undefined && seen.includes($ref)) return {};
  const inside = $ref === undefined ? seen : [...seen, $ref];
  const resolved = resolve(schema, schemas);
  const { examples, anyOf, allOf } = resolved as {
    examples?: unknown[];
    anyOf?: JsonSchema[];
    allOf?: JsonSchema[];
  };
  if (examples?.length) return examples[0];
  if (resolved.const !== undefined) return resolved.const;
  if (resolved.enum) return resolved.enum[0];
  if (anyOf) return exampleOf(anyOf[0]!, schemas, name, inside);
  if (allOf) return Object.assign({}, ...allOf.map((one) => exampleOf(one, schemas, name, inside)));
  if (inside.length > MAX_DEPTH) return {};
  switch ([resolved.type].flat()[0]) {
    case 'object':
      return objectOf(resolved, schemas, inside);
    case 'array':
      return resolved.items ? [exampleOf(resolved.items, schemas, name, inside)] : [];
    case 'integer':
    case 'number':
      return 1;
    case 'boolean':
      return true;
    case 'string':
      return textFor(name, $ref);
    default:
      return {};
  }
}

function objectOf(schema: ReturnType<typeof resolve>, schemas: Schemas, seen: readonly string[]): unknown {
  const { properties = {} } = schema;
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [name, exampleOf(property, schemas, name, seen)]),
  );
}

const TEXTS: Readonly<Record<string, string>> = {
  name: 'purchase_completed',
  email: 'ada@example.com',
  contactEmail: 'ada@example.com',
  phone: '+4915123456789',
  firstName: 'Ada',
  lastName: 'Lovelace',
  nextCursor: 'MDE5M2E1ZjI',
  requestId: ID,
  source: `/organizations/${ID}/http`,
  key: 'tl_live_…',
  prefix: 'tl_live_x7Qa',
};

function textFor(name: string, ref: string | undefined): string {
  if (/(?:^id|Id|Of)$/.test(name)) return ID;
  if (/(?:At|^date|^from|^to)$/.test(name)) return '2026-11-20T10:00:00.000Z';
  return TEXTS[name] ?? (ref === undefined ? 'text' : nameOf(ref));
}
