import type { Database, Queryable } from '@trackline/postgres';
import { asPerson, type Contact } from './contact.ts';
import type { ContactFields } from './contact-input.ts';
import { propertiesIssue } from './contact-input.ts';
import { findByKey } from './find-contacts.ts';
import { lockContacts } from './contact.reader.ts';
import { moveIdentifiers, Raced, writeContacts } from './contact.writer.ts';
import { recordChanges } from './outbox.ts';
import { settle } from './settle.ts';
import { fieldsOf, withFields } from './workspace.ts';
import { removeAdClicks } from '../feedback/ad-clicks.ts';
import { moveSubscriptions, removeSubscriptions } from '../subscription/subscription.store.ts';

export type EraseOutcome =
  { readonly outcome: 'erased'; readonly contactId: string } | { readonly outcome: 'not_found' };
export type MergeOutcome =
  | { readonly outcome: 'merged'; readonly contact: Contact }
  /** `which` of the two does not exist. */
  | { readonly outcome: 'not_found'; readonly which: 'contact' | 'into' }
  | { readonly outcome: 'same' };

/** Removes the contact and all its identifiers; its id never comes back. `key`: id, email or external id. */
export async function deleteContact(
  database: Database,
  organizationId: string,
  key: string,
  now: () => Date,
): Promise<EraseOutcome> {
  return settle(database, async (tx): Promise<EraseOutcome> => {
    const contactId = await findByKey(tx, organizationId, key);
    if (!contactId) return { outcome: 'not_found' };
    await lockOrRace(tx, organizationId, [contactId]);
    const values = [organizationId, contactId];
    await tx.query({
      text: 'DELETE FROM directory.identifier WHERE organization_id = $1 AND contact_id = $2',
      values,
    });
    await removeContact(tx, organizationId, contactId);
    await removeSubscriptions(tx, { organizationId, contactId });
    await removeAdClicks(tx, { organizationId, contactId });
    await tx.query({
      text: 'INSERT INTO directory.tombstone (organization_id, id, at) VALUES ($1, $2, $3)',
      values: [...values, now()],
    });
    await recordChanges(tx, [{ organizationId, contactId, change: 'erased' }], now());
    await moveIdentifiers(tx, [organizationId]);
    return { outcome: 'erased', contactId };
  });
}

/**
 * Makes one contact an alias of another: its identifiers find the other from now on, and what the other lacks it takes over.
 * Merging again what is merged already changes nothing. Keys: id, email or external id.
 */
export async function mergeContacts(
  database: Database,
  organizationId: string,
  fromKey: string,
  intoKey: string,
  now: () => Date,
): Promise<MergeOutcome> {
  return settle(database, async (tx): Promise<MergeOutcome> => {
    const fromId = await findByKey(tx, organizationId, fromKey);
    if (!fromId) return { outcome: 'not_found', which: 'contact' };
    const intoId = await findByKey(tx, organizationId, intoKey);
    if (!intoId) return { outcome: 'not_found', which: 'into' };
    if (fromKey === intoKey || fromKey === intoId) return { outcome: 'same' };
    const contacts = await lockOrRace(tx, organizationId, [fromId, intoId]);
    const into = contacts.get(intoId)!;
    if (fromId === intoId) return { outcome: 'merged', contact: into };
    return { outcome: 'merged', contact: await merge(tx, contacts.get(fromId)!, into, now()) };
  });
}

/** The same for contacts that the caller has locked: the first of `ids` becomes an alias of the second. Throws `Raced` when one is gone. */
export async function mergeLocked(
  tx: Queryable,
  contacts: ReadonlyMap<string, Contact>,
  [fromId, intoId]: readonly [string, string],
  now: Date,
): Promise<Contact> {
  const from = contacts.get(fromId);
  const into = contacts.get(intoId);
  if (!from || !into) throw new Raced('a contact was merged or erased');
  return merge(tx, from, into, now);
}

async function merge(tx: Queryable, from: Contact, into: Contact, now: Date): Promise<Contact> {
  const { organizationId } = into;
  const values = [organizationId, from.id, into.id];
  await tx.query({
    text: 'UPDATE directory.identifier SET contact_id = $3 WHERE organization_id = $1 AND contact_id = $2',
    values,
  });
  await removeContact(tx, organizationId, from.id);
  await moveSubscriptions(tx, organizationId, from.id, into.id);
  // An alias never points to an alias, so that following one is a single step.
  await tx.query({
    text: 'UPDATE directory.contact_alias SET into_id = $3 WHERE organization_id = $1 AND into_id = $2',
    values,
  });
  await tx.query({
    text: 'INSERT INTO directory.contact_alias (organization_id, id, into_id, at) VALUES ($1, $2, $3, $4)',
    values: [...values, now],
  });
  // Whom a person is merged into is a person, also when all that is known of them is Meta's id, which is no field.
  const stays = from.provisional ? into : asPerson(into);
  const after = withFields(stays, unite(fieldsOf(into), fieldsOf(from)), now);
  await writeContacts(tx, [{ before: into, after }], now);
  await recordChanges(tx, [{ organizationId, contactId: from.id, change: 'merged', into: into.id }], now);
  await moveIdentifiers(tx, [organizationId]);
  return after;
}

/** What the one that stays has goes before what the other brings; properties that would be too large together stay its own. */
function unite(into: ContactFields, from: ContactFields): ContactFields {
  const properties = { ...from.properties, ...into.properties };
  return { ...from, ...into, properties: propertiesIssue(properties) ? into.properties : properties };
}

async function removeContact(tx: Queryable, organizationId: string, contactId: string): Promise<void> {
  await tx.query({
    text: 'DELETE FROM directory.contact WHERE organization_id = $1 AND id = $2',
    values: [organizationId, contactId],
  });
}

async function lockOrRace(
  tx: Queryable,
  organizationId: string,
  contactIds: readonly string[],
): Promise<Map<string, Contact>> {
  const contacts = await lockContacts(
    tx,
    contactIds.map((contactId) => ({ organizationId, contactId })),
  );
  if (contactIds.some((id) => !contacts.has(id))) throw new Raced('a contact was merged or erased');
  return contacts;
}
