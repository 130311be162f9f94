import { LRUCache } from 'lru-cache';
import type { Queryable } from '@trackline/postgres';
import { Coalescer } from '@trackline/kernel';
import type { Reading } from '../cache/revision-reader.ts';
import { loadOwners, loadOwnersById, type ContactRef, type Owner } from './contact.reader.ts';
import { identifierKey, type Identifier } from './identifier.ts';

/** What an event may name its contact by: an id of ours, or an identifier. */
export type Reference =
  | { readonly by: 'id'; readonly ref: ContactRef }
  | { readonly by: 'identifier'; readonly identifier: Identifier };

export const referenceKey = (reference: Reference): string =>
  reference.by === 'id'
    ? `${reference.ref.organizationId}0${reference.ref.contactId}`
    : identifierKey(reference.identifier);

const organizationOf = (reference: Reference): string =>
  reference.by === 'id' ? reference.ref.organizationId : reference.identifier.organizationId;

interface Entry {
  readonly owner: Owner;
  /** The identifiers revision it was read under. */
  readonly identifiers: number;
}

const MAX_REFERENCES_PER_READ = 5_000;

/** Who owns an id or identifier. Only owners that were found are remembered: whoever is not there may come at any moment. */
export class CachedOwners {
  private readonly cache: LRUCache<string, Entry>;
  private readonly loads: Coalescer<Reference, Map<string, Owner>>;

  constructor(database: Queryable, maxEntries: number) {
    this.cache = new LRUCache({ max: maxEntries });
    this.loads = new Coalescer((references) => load(database, references), MAX_REFERENCES_PER_READ);
  }

  /** Owners by `referenceKey`, as new as `reading`; organisations that are not in it are unknown and own nothing. */
  async find(references: readonly Reference[], reading: Reading): Promise<Map<string, Owner>> {
    const found = new Map<string, Owner>();
    const missing = new Map<string, Reference>();
    for (const reference of references) {
      const revision = reading.get(organizationOf(reference));
      if (!revision) continue;
      const key = referenceKey(reference);
      const entry = this.cache.get(key);
      if (entry?.identifiers === revision.identifiers) found.set(key, entry.owner);
      else missing.set(key, reference);
    }
    if (missing.size === 0) return found;
    // Read after the revision was: at least as new, so it may be kept under it.
    const loaded = await this.loads.call([...missing.values()]);
    for (const [key, reference] of missing) {
      const owner = loaded.get(key);
      if (!owner) continue;
      this.cache.set(key, { owner, identifiers: reading.get(organizationOf(reference))!.identifiers });
      found.set(key, owner);
    }
    return found;
  }
}

async function load(database: Queryable, references: readonly Reference[]): Promise<Map<string, Owner>> {
  const ids = references.flatMap((reference) => (reference.by === 'id' ? [reference.ref] : []));
  const identifiers = references.flatMap((reference) =>
    reference.by === 'identifier' ? [reference.identifier] : [],
  );
  const [byId, byIdentifier] = await Promise.all([
    loadOwnersById(database, ids),
    loadOwners(database, identifiers),
  ]);
  const owners = new Map<string, Owner>();
  byId.forEach((owner, at) => owner && owners.set(referenceKey({ by: 'id', ref: ids[at]! }), owner));
  byIdentifier.forEach((owner, at) => owner && owners.set(identifierKey(identifiers[at]!), owner));
  return owners;
}
