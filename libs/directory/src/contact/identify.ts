import type { Database, Queryable } from '@trackline/postgres';
import { asPerson } from './contact.ts';
import { claimFree, Raced, writeContacts } from './contact.writer.ts';
import { loadContacts, loadOwners, loadOwnersById, lockContacts } from './contact.reader.ts';
import { deleteContact, mergeLocked } from './erase-and-merge.ts';
import { identifierKey, normalizeOpaque, type Identifier } from './identifier.ts';
import { settle } from './settle.ts';
import { hasIdentifier } from './workspace.ts';

/** `already`: it was merged, erased, or turned into somebody before, and nothing was done. `erased`: the person is, and so is this. */
export type IdentifyOutcome = 'merged' | 'already' | 'erased';

/**
 * Makes a provisional contact an alias of the person that it turned out to be. May be called any number of times, by any number of
 * instances, in any order. A contact that is not provisional is never touched, whatever was merged by hand meanwhile: of two
 * people none is ever merged into the other here.
 */
export async function identifyProvisional(
  database: Database,
  organizationId: string,
  provisionalId: string,
  intoId: string,
  now: () => Date,
): Promise<IdentifyOutcome> {
  const outcome = await settle(database, async (tx): Promise<IdentifyOutcome | 'orphaned'> => {
    const [from, into] = await loadOwnersById(tx, [
      { organizationId, contactId: provisionalId },
      { organizationId, contactId: intoId },
    ]);
    if (from?.contactId !== provisionalId || into?.contactId === provisionalId) return 'already';
    if (!into) return 'orphaned';
    const contacts = await lockContacts(tx, [
      { organizationId, contactId: provisionalId },
      { organizationId, contactId: into.contactId },
    ]);
    const contact = contacts.get(provisionalId);
    // An identifier makes it somebody, whatever its row says.
    if (!contact?.provisional || hasIdentifier(contact)) return 'already';
    await mergeLocked(tx, contacts, [provisionalId, into.contactId], now());
    return 'merged';
  });
  if (outcome !== 'orphaned') return outcome;
  // Whose it was has been erased: what is left of them goes, too.
  await deleteContact(database, organizationId, provisionalId, now);
  return 'erased';
}

export interface WhatsappUser {
  readonly organizationId: string;
  readonly contactId: string;
  readonly whatsappUserId: string;
}

/** Gives a contact its WhatsApp user id; one that was known by that id alone becomes an alias. Another person's id stays where it is. */
export async function attachWhatsappUser(
  database: Database,
  { organizationId, contactId, whatsappUserId }: WhatsappUser,
  now: () => Date,
): Promise<'attached' | 'already' | 'taken' | 'not_found'> {
  const value = normalizeOpaque(whatsappUserId);
  if (value === undefined) return 'not_found';
  const identifier: Identifier = { organizationId, field: 'whatsappUserId', value };
  return settle(database, async (tx) => {
    const [target] = await loadOwnersById(tx, [{ organizationId, contactId }]);
    if (!target) return 'not_found';
    const got = await claimFree(tx, [{ ...identifier, contactId: target.contactId }]);
    if (got.has(identifierKey(identifier))) return lockedStill(tx, organizationId, target.contactId, now());
    const [owner] = await loadOwners(tx, [identifier]);
    if (!owner || owner.contactId === target.contactId) return 'already';
    const contacts = await lockContacts(tx, [
      { organizationId, contactId: owner.contactId },
      { organizationId, contactId: target.contactId },
    ]);
    const nameless = contacts.get(owner.contactId);
    if (!nameless) throw new Raced('a contact was merged or erased');
    if (hasIdentifier(nameless)) return 'taken';
    await mergeLocked(tx, contacts, [owner.contactId, target.contactId], now());
    return 'attached';
  });
}

/**
 * The same for many at once. However many there are, what is free is given in one transaction; only whoever is to be merged is settled each
 * in one of their own.
 */
export async function attachWhatsappUsers(
  database: Database,
  users: readonly WhatsappUser[],
  now: () => Date,
): Promise<void> {
  if (users.length === 0) return;
  const left = await settle(database, (tx) => attachFree(tx, users, now()));
  for (const user of left) await attachWhatsappUser(database, user, now);
}

/** Gives those whose id another contact without identifiers has, or who were merged or erased just now. */
async function attachFree(tx: Queryable, users: readonly WhatsappUser[], now: Date): Promise<WhatsappUser[]> {
  const targets = await loadOwnersById(tx, users);
  const wanted = users.flatMap((user, at) => {
    const { organizationId } = user;
    const value = normalizeOpaque(user.whatsappUserId);
    const contactId = targets[at]?.contactId;
    if (value === undefined || contactId === undefined) return [];
    return [{ user, organizationId, field: 'whatsappUserId' as const, value, contactId }];
  });
  const contacts = await lockContacts(tx, wanted);
  const there = wanted.filter(({ contactId }) => contacts.has(contactId));
  const got = await claimFree(tx, there);
  const isAttached = (one: (typeof there)[number]) => got.get(identifierKey(one)) === one.contactId;
  const attached = new Set(there.filter(isAttached).map(({ contactId }) => contactId));
  const writes = [...attached].flatMap((contactId) => {
    const before = contacts.get(contactId)!;
    return before.provisional ? [{ before, after: { ...asPerson(before), updatedAt: now } }] : [];
  });
  await writeContacts(tx, writes, now);
  const others = there.filter((one) => !isAttached(one));
  const owners = await loadOwners(tx, others);
  const held = others.flatMap((one, at) => {
    const ownerId = owners[at]?.contactId;
    return ownerId === one.contactId ? [] : [{ ...one, ownerId }];
  });
  const holders = await loadContacts(
    tx,
    held.flatMap(({ organizationId, ownerId }) => (ownerId ? [{ organizationId, contactId: ownerId }] : [])),
  );
  const isAnothers = ({ ownerId }: (typeof held)[number]): boolean => {
    const holder = ownerId === undefined ? undefined : holders.get(ownerId);
    return holder !== undefined && hasIdentifier(holder);
  };
  return [
    ...wanted.filter(({ contactId }) => !contacts.has(contactId)),
    ...held.filter((one) => !isAnothers(one)),
  ].map(({ user }) => user);
}

/** The contact must still be there once it has the identifier; whoever erases or merges it holds its lock. */
async function lockedStill(
  tx: Queryable,
  organizationId: string,
  contactId: string,
  now: Date,
): Promise<'attached'> {
  const contacts = await lockContacts(tx, [{ organizationId, contactId }]);
  const before = contacts.get(contactId);
  if (!before) throw new Raced('a contact was merged or erased');
  if (before.provisional)
    await writeContacts(tx, [{ before, after: { ...asPerson(before), updatedAt: now } }], now);
  return 'attached';
}
