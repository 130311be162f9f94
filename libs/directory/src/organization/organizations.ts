import { Problem, isStorableText, MAX_NAME_CHARACTERS, type Issue } from '@trackline/contracts';
import { isUuid, uuidv7 } from '@trackline/kernel';
import type { Database } from '@trackline/postgres';
import { pageOf, startOf, type Page, type PageRequest } from '../page.ts';
import { hashOfKey, mintKey, prefixOfKey, SCOPES, type ApiKey, type NewApiKey } from './api-key.ts';
import * as keys from './key.store.ts';
import {
  changeTerms,
  termsIssues,
  type NewOrganization,
  type Organization,
  type OrganizationPatch,
} from './organization.ts';
import * as store from './organization.store.ts';

const EMPTY_TERMS = { monthlyLimit: null, requestsPerMinute: null, settings: {} };

/** Makes an organisation. With an `id` that is there already, gives that organisation as it stands. */
export async function createOrganization(
  database: Database,
  { id, ...given }: NewOrganization,
  now: Date,
): Promise<Organization> {
  if (id !== undefined && !isUuid(id))
    throw invalid([{ path: '/id', message: 'An id is a UUID in lower case.' }]);
  const terms = changeTerms({ ...EMPTY_TERMS, name: given.name, plan: given.plan }, given);
  refuse(termsIssues(terms));
  const organizationId = id ?? uuidv7(now.getTime());
  const made = await database.transaction((tx) => store.insertOrganization(tx, organizationId, terms, now));
  return made ?? (await store.loadOrganizations(database, [organizationId]))[0]!;
}

export async function updateOrganization(
  database: Database,
  id: string,
  patch: OrganizationPatch,
  now: Date,
): Promise<Organization | undefined> {
  if (!isUuid(id)) return undefined;
  return database.transaction(async (tx) => {
    const terms = await store.lockTerms(tx, id);
    if (!terms) return undefined;
    const changed = changeTerms(terms, patch);
    refuse(termsIssues(changed));
    return store.updateOrganization(tx, id, changed, now);
  });
}

export async function listOrganizations(database: Database, page: PageRequest): Promise<Page<Organization>> {
  const { beforeId, size } = startOf(page);
  return pageOf(await store.listOrganizations(database, beforeId, size + 1), size);
}

/** The key itself is given this once; only its hash is kept. `undefined`: there is no such organisation. */
export async function createKey(
  database: Database,
  organizationId: string,
  { name, scopes = SCOPES, expiresAt = null }: NewApiKey,
  now: Date,
): Promise<{ readonly apiKey: ApiKey; readonly key: string } | undefined> {
  refuse(keyIssues({ name, scopes, expiresAt }));
  if (!isUuid(organizationId)) return undefined;
  const key = mintKey();
  const apiKey: ApiKey = {
    id: uuidv7(now.getTime()),
    organizationId,
    name,
    prefix: prefixOfKey(key),
    scopes: SCOPES.filter((scope) => scopes.includes(scope)),
    createdAt: now,
    expiresAt,
    revokedAt: null,
  };
  return (await keys.insertKey(database, apiKey, hashOfKey(key))) ? { apiKey, key } : undefined;
}

export async function listKeys(
  database: Database,
  organizationId: string,
  page: PageRequest,
): Promise<Page<ApiKey>> {
  const { beforeId, size } = startOf(page);
  if (!isUuid(organizationId)) return { items: [], nextCursor: null };
  return pageOf(await keys.listKeys(database, organizationId, beforeId, size + 1), size);
}

/** The key is refused from the next request on, on every instance. `false`: the organisation has no such key. */
export async function revokeKey(
  database: Database,
  organizationId: string,
  keyId: string,
  now: Date,
): Promise<boolean> {
  if (!isUuid(organizationId) || !isUuid(keyId)) return false;
  return database.transaction(async (tx) => {
    const revoked = await keys.revokeKey(tx, organizationId, keyId, now);
    if (revoked) await store.moveSettings(tx, organizationId);
    return revoked;
  });
}

function keyIssues({ name, scopes, expiresAt }: Required<NewApiKey>): Issue[] {
  const issues: Issue[] = [];
  if (
    typeof name !== 'string' ||
    name.trim() === '' ||
    name.length > MAX_NAME_CHARACTERS ||
    !isStorableText(name)
  ) {
    issues.push({ path: '/name', message: `A name of 1 to ${MAX_NAME_CHARACTERS} characters is needed.` });
  }
  if (!Array.isArray(scopes) || scopes.length === 0 || !scopes.every((scope) => SCOPES.includes(scope))) {
    issues.push({ path: '/scopes', message: `Scopes are some of ${SCOPES.join(', ')}.` });
  }
  if (expiresAt !== null && !isPostgresTime(expiresAt)) {
    issues.push({ path: '/expiresAt', message: 'The expiry is a time in ISO 8601.' });
  }
  return issues;
}

const MAX_YEAR = 9999;

const isPostgresTime = (time: unknown): boolean =>
  time instanceof Date &&
  !Number.isNaN(time.getTime()) &&
  time.getUTCFullYear() >= 1970 &&
  time.getUTCFullYear() <= MAX_YEAR;

const invalid = (issues: readonly Issue[]): Problem =>
  new Problem('VALIDATION_FAILED', issues[0]!.message, { details: issues });

function refuse(issues: readonly Issue[]): void {
  if (issues.length > 0) throw invalid(issues);
}
