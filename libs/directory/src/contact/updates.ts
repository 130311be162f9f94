import { isDeepStrictEqual } from 'node:util';
import { parseContactInput, propertiesIssue, type ContactFields } from './contact-input.ts';

export const UPDATE_OPERATIONS = ['set', 'unset', 'increment', 'decrement', 'append', 'remove'] as const;
export type UpdateOperation = (typeof UPDATE_OPERATIONS)[number];

export interface ContactUpdate {
  /** email, phone, externalId, firstName, lastName, `properties.<path>`, or the bare name (or path) of a property. */
  readonly field: string;
  readonly operation: UpdateOperation;
  readonly value?: unknown;
}

export interface RefusedOperation {
  /** Which of the updates. */
  readonly index: number;
  readonly field: string;
  readonly operation: string;
  readonly reason: string;
}

export interface UpdatedFields {
  readonly fields: ContactFields;
  readonly refused: readonly RefusedOperation[];
}

type Json = Readonly<Record<string, unknown>>;
type Outcome<Value> = { readonly value: Value } | { readonly refused: string };

const CONTACT_FIELDS = ['email', 'phone', 'externalId', 'firstName', 'lastName'] as const;
type ContactField = (typeof CONTACT_FIELDS)[number];

const NOT_PROPERTIES = new Set(['id', 'organizationId', 'createdAt', 'updatedAt', 'properties']);
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);
const PROPERTIES_PREFIX = 'properties.';

/**
 * The fields after the updates, one after another. One that makes no sense for the value it meets is refused with its
 * reason and changes nothing; the others count. Nothing given is changed.
 */
export function applyUpdates(fields: ContactFields, updates: readonly ContactUpdate[]): UpdatedFields {
  const refused: RefusedOperation[] = [];
  let current = fields;
  updates.forEach((update, index) => {
    const outcome = applyOne(current, update);
    if ('value' in outcome) current = outcome.value;
    else refused.push({ index, field: update.field, operation: update.operation, reason: outcome.refused });
  });
  return { fields: current, refused };
}

function applyOne(fields: ContactFields, update: ContactUpdate): Outcome<ContactFields> {
  const field = CONTACT_FIELDS.find((name) => name === update.field);
  return field ? updateField(fields, field, update) : updateProperty(fields, update);
}

function updateField(
  fields: ContactFields,
  field: ContactField,
  { operation, value }: ContactUpdate,
): Outcome<ContactFields> {
  if (operation === 'unset' || (operation === 'set' && value === null)) {
    const { [field]: _removed, ...rest } = fields;
    return { value: rest as ContactFields };
  }
  if (operation !== 'set') return { refused: `${field} can only be set or unset` };
  const text = typeof value === 'number' ? String(value) : value;
  const parsed = parseContactInput({ [field]: text });
  if (!parsed.ok) return { refused: parsed.issues[0]!.message };
  const set = parsed.value[field];
  if (set === undefined) return { refused: 'a value is needed' };
  if (set === null) return updateField(fields, field, { field, operation: 'unset' });
  return { value: { ...fields, [field]: set } };
}

function updateProperty(fields: ContactFields, update: ContactUpdate): Outcome<ContactFields> {
  const path = propertyPath(update.field);
  if ('refused' in path) return path;
  const changed = atPath(fields.properties, path.value, (present) => operate(present, update));
  if ('refused' in changed) return changed;
  const issue = propertiesIssue(changed.value);
  return issue ? { refused: issue.message } : { value: { ...fields, properties: changed.value } };
}

function propertyPath(field: string): Outcome<readonly string[]> {
  if (typeof field !== 'string') return { refused: 'the field is not text' };
  if (NOT_PROPERTIES.has(field)) return { refused: `${field} cannot be changed` };
  const path = (field.startsWith(PROPERTIES_PREFIX) ? field.slice(PROPERTIES_PREFIX.length) : field).split(
    '.',
  );
  if (path.some((key) => key === '')) return { refused: 'the field has an empty part' };
  const forbidden = path.find((key) => FORBIDDEN_KEYS.has(key));
  return forbidden ? { refused: `a property cannot be named "${forbidden}"` } : { value: path };
}

/** A copy of `object` in which the value at `path` is what `change` makes of it; `undefined` removes it. */
function atPath(
  object: Json,
  path: readonly string[],
  change: (present: unknown) => Outcome<unknown>,
): Outcome<Json> {
  const [key, ...rest] = path as [string, ...string[]];
  const present = Object.hasOwn(object, key) ? object[key] : undefined;
  let changed: Outcome<unknown>;
  if (rest.length === 0) changed = change(present);
  else if (isObject(present)) changed = atPath(present, rest, change);
  else if (present === undefined || present === null) changed = orAbsent(present, atPath({}, rest, change));
  else changed = { refused: `"${key}" is not an object` };
  if ('refused' in changed) return changed;
  const { [key]: _replaced, ...others } = object;
  return { value: changed.value === undefined ? others : { ...others, [key]: changed.value } };
}

/** Removing something inside an object that is not there must not make the object. */
const orAbsent = (present: unknown, made: Outcome<Json>): Outcome<unknown> =>
  'value' in made && Object.keys(made.value).length === 0 ? { value: present } : made;

function operate(present: unknown, { operation, value }: ContactUpdate): Outcome<unknown> {
  switch (operation) {
    case 'set':
      return value === undefined ? { refused: 'a value is needed' } : { value };
    case 'unset':
      return { value: undefined };
    case 'increment':
    case 'decrement':
      return add(present, value ?? 1, operation === 'increment' ? 1 : -1);
    case 'append':
      return value === undefined ? { refused: 'a value is needed' } : append(present, value);
    case 'remove':
      return removeFrom(present, value);
    default:
      return { refused: `the operation is one of ${UPDATE_OPERATIONS.join(', ')}` };
  }
}

function add(present: unknown, by: unknown, sign: 1 | -1): Outcome<unknown> {
  const from = present === undefined || present === null ? 0 : numberOf(present);
  const step = numberOf(by);
  if (from === undefined) return { refused: 'the present value is not a number' };
  if (step === undefined) return { refused: 'the value is not a number' };
  const sum = from + sign * step;
  return Number.isFinite(sum) ? { value: sum } : { refused: 'the result is too large' };
}

/** Numbers, and text that is nothing but a number (forms and templates send those). */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !/^\s*[+-]?\d+(\.\d+)?\s*$/.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

function append(present: unknown, value: unknown): Outcome<unknown> {
  if (present === undefined || present === null) return { value: [value] };
  return Array.isArray(present)
    ? { value: [...present, value] }
    : { refused: 'the present value is not a list' };
}

function removeFrom(present: unknown, value: unknown): Outcome<unknown> {
  if (present === undefined) return { value: undefined };
  return Array.isArray(present)
    ? { value: present.filter((item) => !isDeepStrictEqual(item, value)) }
    : { refused: 'the present value is not a list' };
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
