import { isDeepStrictEqual } from 'node:util';
import { isUuid } from '@trackline/kernel';
import type { Database, Queryable } from '@trackline/postgres';
import { causesDone, hashOfCause } from './cause.ts';
import type { Contact } from './contact.ts';
import type { ContactFields } from './contact-input.ts';
import type { ContactRef } from './contact.reader.ts';
import { writeContacts } from './contact.writer.ts';
import { rememberCauses } from './create-missing.ts';
import { IDENTIFIER_FIELDS, NORMALIZE, type Identifier } from './identifier.ts';
import { loadWorkspace } from './load-workspace.ts';
import { settle } from './settle.ts';
import { applyUpdates, type ContactUpdate, type RefusedOperation } from './updates.ts';
import { fieldsOf, hasIdentifier, type Workspace } from './workspace.ts';

export interface ContactChangeRequest extends ContactRef {
  /** What brings the change about (execution, step and visit): it is made once, however often it is asked for. */
  readonly cause: string;
  readonly updates: readonly ContactUpdate[];
}

export interface RefusedUpdate extends RefusedOperation {
  readonly cause: string;
}

/** Contacts after the changes, by the id that was asked for; one that is not in it does not exist (any more). */
export class UpdatedContacts extends Map<string, Contact> {
  /** Single updates that had no effect. A change whose cause had been here before tells of none. */
  readonly refused: RefusedUpdate[] = [];
}

interface Change extends ContactChangeRequest {
  readonly hash: Buffer;
}

/** Applies changes in their order; in the caller's transaction if there is one (same database), else in its own. */
export async function updateContacts(
  database: Database,
  requests: readonly ContactChangeRequest[],
  now: () => Date,
  callersTx?: Queryable,
): Promise<UpdatedContacts> {
  const changes = requests
    .filter((request) => isUuid(request.organizationId) && isUuid(request.contactId))
    .map((request) => ({ ...request, hash: hashOfCause(request.organizationId, 'update', request.cause) }));
  if (changes.length === 0) return new UpdatedContacts();
  return settle(database, (tx) => updateIn(tx, changes, now()), callersTx);
}

async function updateIn(tx: Queryable, changes: readonly Change[], now: Date): Promise<UpdatedContacts> {
  const { workspace, targets } = await loadWorkspace(
    tx,
    { refs: changes, sought: [], claimed: changes.flatMap(identifiersSet) },
    now,
  );
  // Read under the locks: whoever made the same change just now has committed it.
  const done = await causesDone(
    tx,
    changes.map(({ hash }) => hash),
  );
  const result = new UpdatedContacts();
  const made: Change[] = [];
  changes.forEach((change, at) => {
    const contactId = targets[at];
    if (!contactId) return;
    const hash = change.hash.toString('hex');
    if (done.has(hash)) return;
    done.add(hash);
    made.push({ ...change, contactId });
    const refused = applyChange(workspace, contactId, change);
    result.refused.push(...refused.map((operation) => ({ ...operation, cause: change.cause })));
  });
  // Of several in one batch the first is told: readers ask whether there is one at all.
  const causes = new Map(made.toReversed().map(({ contactId, cause }) => [contactId, cause]));
  await writeContacts(tx, workspace.writes(), now, causes);
  await rememberCauses(
    tx,
    made.map(({ hash: cause, organizationId, contactId }) => ({ cause, organizationId, contactId })),
    now,
  );
  changes.forEach((change, at) => {
    const contact = targets[at] && workspace.get(targets[at]);
    if (contact) result.set(change.contactId, contact);
  });
  return result;
}

/** One update after another, so that an identifier that is taken costs only the update that asked for it. */
function applyChange(workspace: Workspace, contactId: string, { updates }: Change): RefusedOperation[] {
  const contact = workspace.get(contactId)!;
  const refused: RefusedOperation[] = [];
  let fields = fieldsOf(contact);
  updates.forEach((update, index) => {
    const outcome = applyUpdates(fields, [update]);
    refused.push(...outcome.refused.map((operation) => ({ ...operation, index })));
    const reason = objection(workspace, contact, outcome.fields);
    if (reason === undefined) fields = outcome.fields;
    else refused.push({ index, field: update.field, operation: update.operation, reason });
  });
  if (!isDeepStrictEqual(fields, fieldsOf(contact))) workspace.replace(contact, fields);
  return refused;
}

function objection(workspace: Workspace, contact: Contact, fields: ContactFields): string | undefined {
  const conflict = workspace.conflictOf(contact.organizationId, contact.id, fields);
  if (conflict) return `another contact has this ${conflict.field}`;
  return hasIdentifier(contact) && !hasIdentifier(fields) ? 'a contact needs an identifier' : undefined;
}

function identifiersSet({ organizationId, updates }: Change): Identifier[] {
  return updates.flatMap(({ field, operation, value }) => {
    const identifierField = IDENTIFIER_FIELDS.find((name) => name === field);
    if (!identifierField || operation !== 'set') return [];
    if (typeof value !== 'string' && typeof value !== 'number') return [];
    const normal = NORMALIZE[identifierField](String(value));
    return normal === undefined ? [] : [{ organizationId, field: identifierField, value: normal }];
  });
}
