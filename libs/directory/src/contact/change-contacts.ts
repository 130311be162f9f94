import { isDeepStrictEqual } from 'node:util';
import type { Issue } from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import { isDataFault, type Database, type Queryable } from '@trackline/postgres';
import type { Contact } from './contact.ts';
import {
  applyInput,
  parseContactInput,
  type ContactFields,
  type ContactInput,
  type ParsedInput,
} from './contact-input.ts';
import { findByKey } from './find-contacts.ts';
import { writeContacts } from './contact.writer.ts';
import { IDENTIFIER_FIELDS, type Identifier, type IdentifierField } from './identifier.ts';
import { loadWorkspace } from './load-workspace.ts';
import { settle } from './settle.ts';
import { fieldsOf, hasIdentifier, type Conflict, type Workspace } from './workspace.ts';

export type Invalid = { readonly outcome: 'invalid'; readonly issues: readonly Issue[] };
export type Conflicting = { readonly outcome: 'conflict' } & Conflict;

export type CreateOutcome =
  { readonly outcome: 'created'; readonly contact: Contact } | Conflicting | Invalid;
export type PatchOutcome =
  | { readonly outcome: 'updated' | 'unchanged'; readonly contact: Contact }
  | { readonly outcome: 'not_found' }
  | Conflicting
  | Invalid;
export type UpsertOutcome =
  | { readonly outcome: 'created' | 'updated' | 'unchanged'; readonly contact: Contact }
  | Conflicting
  | Invalid;

const NO_FIELDS: ContactFields = { properties: {} };
const NO_IDENTIFIER: Invalid = {
  outcome: 'invalid',
  issues: [{ path: '', message: 'A contact needs an email, a phone number or an external id.' }],
};

export async function createContact(
  database: Database,
  organizationId: string,
  input: ContactInput,
  now: () => Date,
): Promise<CreateOutcome> {
  const parsed = parseContactInput(input);
  if (!parsed.ok) return { outcome: 'invalid', issues: parsed.issues };
  const fields = applyInput(NO_FIELDS, parsed.value);
  if (!hasIdentifier(fields)) return NO_IDENTIFIER;
  const claimed = identifiersIn(organizationId, fields);
  return settle(database, async (tx) => {
    const { workspace } = await loadWorkspace(tx, { refs: [], sought: [], claimed }, now());
    const conflict = workspace.conflictOf(organizationId, undefined, fields);
    if (conflict) return { outcome: 'conflict', ...conflict };
    const contact = workspace.create(organizationId, fields);
    await writeContacts(tx, workspace.writes(), now());
    return { outcome: 'created', contact };
  });
}

/** `key`: the contact's id, email or external id. */
export async function patchContact(
  database: Database,
  organizationId: string,
  key: string,
  input: ContactInput,
  now: () => Date,
): Promise<PatchOutcome> {
  const parsed = parseContactInput(input);
  if (!parsed.ok) return { outcome: 'invalid', issues: parsed.issues };
  return settle(database, async (tx): Promise<PatchOutcome> => {
    const contactId = await findByKey(tx, organizationId, key);
    if (!contactId) return { outcome: 'not_found' };
    const { workspace, targets } = await loadWorkspace(
      tx,
      {
        refs: [{ organizationId, contactId }],
        sought: [],
        claimed: identifiersIn(organizationId, parsed.value),
      },
      now(),
    );
    const contact = targets[0] && workspace.get(targets[0]);
    if (!contact) return { outcome: 'not_found' };
    const result = change(workspace, contact, parsed.value);
    await writeContacts(tx, workspace.writes(), now());
    return result;
  });
}

/** Each item in turn: changes the contact that its external id, else its email, else its phone names, or makes it. */
export async function upsertContacts(
  database: Database,
  organizationId: string,
  items: readonly ContactInput[],
  now: () => Date,
): Promise<UpsertOutcome[]> {
  const parsed = items.map((item) => parseContactInput(item));
  const inputs = parsed.flatMap((item) => (item.ok ? [item.value] : []));
  const outcomes = await upsertParsed(database, organizationId, inputs, now);
  let next = 0;
  return parsed.map((item) => (item.ok ? outcomes[next++]! : { outcome: 'invalid', issues: item.issues }));
}

async function upsertParsed(
  database: Database,
  organizationId: string,
  inputs: readonly ParsedInput[],
  now: () => Date,
): Promise<UpsertOutcome[]> {
  if (inputs.length === 0) return [];
  try {
    return await settle(database, (tx) => upsertIn(tx, organizationId, inputs, now()));
  } catch (error) {
    if (!isDataFault(error)) throw error;
    // A value that the database cannot hold, although our checks let it pass: the others must not pay for it.
    if (inputs.length === 1) return [UNSTORABLE];
    const middle = Math.ceil(inputs.length / 2);
    const first = await upsertParsed(database, organizationId, inputs.slice(0, middle), now);
    return [...first, ...(await upsertParsed(database, organizationId, inputs.slice(middle), now))];
  }
}

const UNSTORABLE: Invalid = {
  outcome: 'invalid',
  issues: [{ path: '', message: 'The contact holds a value that cannot be stored.' }],
};

async function upsertIn(
  tx: Queryable,
  organizationId: string,
  inputs: readonly ParsedInput[],
  now: Date,
): Promise<UpsertOutcome[]> {
  const sought = inputs.flatMap((input) => identifiersIn(organizationId, input));
  const { workspace } = await loadWorkspace(tx, { refs: [], sought, claimed: [] }, now);
  const outcomes = inputs.map((input) => upsertOne(workspace, organizationId, input));
  await writeContacts(tx, workspace.writes(), now);
  return outcomes;
}

const UPSERT_RANK: readonly IdentifierField[] = ['externalId', 'email', 'phone'];

function upsertOne(workspace: Workspace, organizationId: string, input: ParsedInput): UpsertOutcome {
  for (const field of UPSERT_RANK) {
    const value = input[field];
    const owner = value ? workspace.ownerOf(organizationId, field, value) : undefined;
    if (owner) return change(workspace, workspace.get(owner)!, input);
  }
  const fields = applyInput(NO_FIELDS, input);
  if (!hasIdentifier(fields)) return NO_IDENTIFIER;
  return { outcome: 'created', contact: workspace.create(organizationId, fields) };
}

function change(
  workspace: Workspace,
  contact: Contact,
  input: ParsedInput,
): Exclude<PatchOutcome, { outcome: 'not_found' }> {
  const fields = applyInput(fieldsOf(contact), input);
  const merged = parseContactInput({ properties: fields.properties });
  if (!merged.ok) return { outcome: 'invalid', issues: merged.issues };
  if (!hasIdentifier(fields) && hasIdentifier(contact)) return NO_IDENTIFIER;
  const conflict = workspace.conflictOf(contact.organizationId, contact.id, fields);
  if (conflict) return { outcome: 'conflict', ...conflict };
  if (isDeepStrictEqual(fields, fieldsOf(contact))) return { outcome: 'unchanged', contact };
  return { outcome: 'updated', contact: workspace.replace(contact, fields) };
}

/** The identifiers that an input or a contact names. */
function identifiersIn(organizationId: string, fields: Pick<ParsedInput, IdentifierField>): Identifier[] {
  if (!isUuid(organizationId)) return [];
  return IDENTIFIER_FIELDS.flatMap((field) => {
    const value = fields[field];
    return value ? [{ organizationId, field, value }] : [];
  });
}
