import type { Queryable } from '@trackline/postgres';
import { loadOwners, loadOwnersById, lockContacts, type ContactRef } from './contact.reader.ts';
import { Raced } from './contact.writer.ts';
import { identifierKey, type Identifier } from './identifier.ts';
import { Workspace } from './workspace.ts';

export interface Wanted {
  /** Contacts to be changed; aliases are followed. Ids must be UUIDs. */
  readonly refs: readonly ContactRef[];
  /** Identifiers whose owners are to be changed, too. */
  readonly sought: readonly Identifier[];
  /** Identifiers that a contact may be given: only who has them matters. */
  readonly claimed: readonly Identifier[];
}

export interface LoadedWorkspace {
  readonly workspace: Workspace;
  /** The contact that each of `refs` stands for, at its place. */
  readonly targets: readonly (string | undefined)[];
}

/**
 * Locks the contacts, then reads who owns what: an identifier cannot leave a contact that is locked, and one that is taken
 * in the meantime is noticed when it is written.
 */
export async function loadWorkspace(tx: Queryable, wanted: Wanted, now: Date): Promise<LoadedWorkspace> {
  const targets = await loadOwnersById(tx, wanted.refs);
  const candidates = await loadOwners(tx, wanted.sought);
  const toLock = [
    ...wanted.refs.map((ref, at) => ({ organizationId: ref.organizationId, owner: targets[at] })),
    ...wanted.sought.map((sought, at) => ({ organizationId: sought.organizationId, owner: candidates[at] })),
  ].flatMap(({ organizationId, owner }) => (owner ? [{ organizationId, contactId: owner.contactId }] : []));
  const contacts = await lockContacts(tx, toLock);
  // One that was merged or erased while we waited for its lock is gone; whom it became must be found anew.
  if (toLock.some((ref) => !contacts.has(ref.contactId))) throw new Raced('a contact was merged or erased');

  const identifiers = [...wanted.sought, ...wanted.claimed];
  const owned = await loadOwners(tx, identifiers);
  const owners = new Map(
    identifiers.flatMap((identifier, at): [string, string][] => {
      const owner = owned[at];
      return owner ? [[identifierKey(identifier), owner.contactId]] : [];
    }),
  );
  if (wanted.sought.some((sought) => isUnlocked(owners.get(identifierKey(sought)), contacts))) {
    throw new Raced('an identifier moved to another contact');
  }
  return {
    workspace: new Workspace(contacts, owners, now),
    targets: targets.map((target) => target?.contactId),
  };
}

const isUnlocked = (owner: string | undefined, contacts: ReadonlyMap<string, unknown>): boolean =>
  owner !== undefined && !contacts.has(owner);
