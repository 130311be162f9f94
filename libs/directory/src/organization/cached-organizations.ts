import { LRUCache } from 'lru-cache';
import type { Queryable } from '@trackline/postgres';
import { Coalescer } from '@trackline/kernel';
import type { Reading, RevisionReader } from '../cache/revision-reader.ts';
import { hashOfKey, looksLikeKey, refusalOf, type ApiKey, type Scope } from './api-key.ts';
import { loadKeys, type KeyWithRevision } from './key.store.ts';
import type { Organization } from './organization.ts';
import { loadOrganizations } from './organization.store.ts';

export interface Authenticated {
  readonly organization: Organization;
  readonly keyId: string;
  readonly scopes: readonly Scope[];
  /** What was read to authenticate: hand it to the next call of the same request, which then needs no read of its own. */
  readonly asOf: Reading;
}

export type Authentication = Authenticated | { readonly refused: 'unknown' | 'expired' | 'revoked' };

/** An entry counts while its organisation's settings revision is the one it was read under. */
interface Cached<Value> {
  readonly value: Value;
  readonly settings: number;
}

const MAX_ITEMS_PER_READ = 1_000;
const UNKNOWN = { refused: 'unknown' } as const;

/** Organisations and keys as they stand at the moment of the call, mostly from memory. Absence is never remembered. */
export class CachedOrganizations {
  private readonly revisions: RevisionReader;
  private readonly cache: LRUCache<string, Cached<Organization>>;
  private readonly keys: LRUCache<string, Cached<ApiKey>>;
  private readonly loads: Coalescer<string, Map<string, Organization>>;
  private readonly keyLoads: Coalescer<string, Map<string, KeyWithRevision>>;

  constructor(database: Queryable, revisions: RevisionReader, maxEntries: number) {
    this.revisions = revisions;
    this.cache = new LRUCache({ max: maxEntries });
    this.keys = new LRUCache({ max: maxEntries });
    this.loads = new Coalescer(async (ids) => {
      const found = await loadOrganizations(database, [...new Set(ids)]);
      return new Map(found.map((organization) => [organization.id, organization]));
    }, MAX_ITEMS_PER_READ);
    this.keyLoads = new Coalescer((hashes) => loadKeys(database, [...new Set(hashes)]), MAX_ITEMS_PER_READ);
  }

  /** Those of `ids` (UUIDs) that exist. */
  async find(ids: readonly string[], asOf?: Reading): Promise<Map<string, Organization>> {
    const reading = await this.revisions.readUnless(asOf, ids);
    const found = new Map<string, Organization>();
    const missing: string[] = [];
    for (const id of ids) {
      const revision = reading.get(id);
      if (!revision) continue;
      const cached = this.cache.get(id);
      if (cached?.settings === revision.settings) found.set(id, cached.value);
      else missing.push(id);
    }
    if (missing.length === 0) return found;
    // Read after the revision was: at least as new, so it may be kept under it.
    const loaded = await this.loads.call(missing);
    for (const id of missing) {
      const value = loaded.get(id);
      if (!value) continue;
      this.cache.set(id, { value, settings: reading.get(id)!.settings });
      found.set(id, value);
    }
    return found;
  }

  async authenticate(bearer: string, nowMs: number): Promise<Authentication> {
    if (!looksLikeKey(bearer)) return UNKNOWN;
    const known = await this.keyOf(hashOfKey(bearer));
    if (!known) return UNKNOWN;
    const { key, asOf } = known;
    const refused = refusalOf(key, nowMs);
    if (refused) return { refused };
    const organization = (await this.find([key.organizationId], asOf)).get(key.organizationId);
    return organization ? { organization, keyId: key.id, scopes: key.scopes, asOf } : UNKNOWN;
  }

  private async keyOf(hash: string): Promise<{ key: ApiKey; asOf: Reading } | undefined> {
    const cached = this.keys.get(hash);
    if (cached) {
      const asOf = await this.revisions.read([cached.value.organizationId]);
      if (asOf.get(cached.value.organizationId)?.settings === cached.settings)
        return { key: cached.value, asOf };
    }
    const loaded = (await this.keyLoads.call([hash])).get(hash);
    if (!loaded) return undefined;
    const { key, revision } = loaded;
    this.keys.set(hash, { value: key, settings: revision.settings });
    return { key, asOf: new Map([[key.organizationId, revision]]) };
  }
}
