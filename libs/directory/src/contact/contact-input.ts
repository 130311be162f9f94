import { encodeProperties, isStorableText, MAX_NAME_CHARACTERS, type Issue } from '@trackline/contracts';
import type { Contact } from './contact.ts';
import { IDENTIFIER_FIELDS, IDENTIFIER_RULES, NORMALIZE } from './identifier.ts';

/** What a caller may say of a contact. In a patch, `null` removes. */
export interface ContactInput {
  readonly email?: string | null;
  readonly phone?: string | number | null;
  readonly externalId?: string | null;
  readonly firstName?: string | null;
  readonly lastName?: string | null;
  /** Merged key by key into what is there; `null` removes a key. */
  readonly properties?: Readonly<Record<string, unknown>> | null;
}

export type ContactFields = Pick<
  Contact,
  'email' | 'phone' | 'externalId' | 'firstName' | 'lastName' | 'properties'
>;

export type Parsed<Value> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly issues: readonly Issue[] };

/** Input in its normal form: `undefined` leaves as is, `null` removes. */
export interface ParsedInput {
  readonly email?: string | null;
  readonly phone?: string | null;
  readonly externalId?: string | null;
  readonly firstName?: string | null;
  readonly lastName?: string | null;
  readonly properties?: Readonly<Record<string, unknown>>;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Takes whatever a caller sent as the item of a batch; a type is only what it should have been. */
export function parseContactInput(input: ContactInput): Parsed<ParsedInput> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return { ok: false, issues: [{ path: '', message: 'A contact is an object.' }] };
  }
  const issues: Issue[] = [];
  const parsed: Mutable<ParsedInput> = {};
  for (const field of IDENTIFIER_FIELDS) {
    const given = input[field];
    if (given === undefined) continue;
    const value = given === null ? null : normalizeIdentifier(field, given);
    if (value === undefined) issues.push({ path: `/${field}`, message: IDENTIFIER_RULES[field] });
    else parsed[field] = value;
  }
  for (const field of ['firstName', 'lastName'] as const) {
    const given = input[field];
    if (given === undefined) continue;
    const value = parseName(given);
    if (value === undefined) issues.push({ path: `/${field}`, message: NAME_RULE });
    else parsed[field] = value;
  }
  if (input.properties === null) issues.push({ path: '/properties', message: 'Properties are an object.' });
  else if (input.properties !== undefined) {
    const issue = propertiesIssue(input.properties);
    if (issue) issues.push(issue);
    else parsed.properties = input.properties;
  }
  return issues.length > 0 ? { ok: false, issues } : { ok: true, value: parsed };
}

/** What is wrong with the properties of a contact, if anything. */
export function propertiesIssue(properties: unknown): Issue | undefined {
  if (properties === null || typeof properties !== 'object' || Array.isArray(properties)) {
    return { path: '/properties', message: 'Properties are an object.' };
  }
  const encoded = encodeProperties(properties as Record<string, unknown>, '/properties');
  return encoded.ok ? undefined : encoded.issue;
}

/** The fields after an input is applied. */
export function applyInput(fields: ContactFields, input: ParsedInput): ContactFields {
  const after: Mutable<ContactFields> = { ...fields };
  for (const field of [...IDENTIFIER_FIELDS, 'firstName', 'lastName'] as const) {
    const value = input[field];
    if (value === null) delete after[field];
    else if (value !== undefined) after[field] = value;
  }
  if (input.properties) after.properties = mergeProperties(fields.properties, input.properties);
  return after;
}

function mergeProperties(
  properties: ContactFields['properties'],
  changes: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged = new Map(Object.entries(properties));
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) merged.delete(key);
    else merged.set(key, value);
  }
  return Object.fromEntries(merged);
}

function normalizeIdentifier(field: (typeof IDENTIFIER_FIELDS)[number], given: unknown): string | undefined {
  if (typeof given === 'number' && field === 'phone') return NORMALIZE.phone(String(given));
  return typeof given === 'string' ? NORMALIZE[field](given) : undefined;
}

const NAME_RULE = `A name is text of at most ${MAX_NAME_CHARACTERS} characters.`;

/** An empty name is none. */
function parseName(given: unknown): string | null | undefined {
  if (given === null) return null;
  if (typeof given !== 'string') return undefined;
  const name = given.trim();
  if (name.length > MAX_NAME_CHARACTERS || !isStorableText(name)) return undefined;
  return name === '' ? null : name;
}

/** A name given along with an event, made to fit: what cannot be a name is left out. */
export const lenientName = (given: string | undefined): string | undefined =>
  parseName(given?.slice(0, MAX_NAME_CHARACTERS)) ?? undefined;
