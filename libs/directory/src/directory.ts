import type { Click, ClickQuery, ContactChange, FeedbackTerms } from '@trackline/contracts';
import { isUuid, systemClock, type Clock } from '@trackline/kernel';
import type { Database, Queryable } from '@trackline/postgres';
import { RevisionReader, type Reading } from './cache/revision-reader.ts';
import { CachedOwners } from './contact/cached-owners.ts';
import * as changing from './contact/change-contacts.ts';
import type { Contact } from './contact/contact.ts';
import { ContactCreator } from './contact/contact-creator.ts';
import type { ContactInput } from './contact/contact-input.ts';
import type { ContactRequest, ContactResolution } from './contact/contact-request.ts';
import { loadContacts, type ContactRef } from './contact/contact.reader.ts';
import * as ending from './contact/erase-and-merge.ts';
import { erasedOf, formerIdsOf } from './contact/erased.ts';
import * as identifying from './contact/identify.ts';
import { findByKey, findContacts, type ContactFilter } from './contact/find-contacts.ts';
import { drainOutbox } from './contact/outbox.ts';
import { purgeCauses } from './contact/purge-causes.ts';
import { resolveContacts } from './contact/resolve-contacts.ts';
import * as clicks from './feedback/ad-clicks.ts';
import { loadFeedbackTerms } from './feedback/feedback-terms.ts';
import {
  updateContacts,
  type ContactChangeRequest,
  type UpdatedContacts,
} from './contact/update-contacts.ts';
import type { ApiKey, NewApiKey } from './organization/api-key.ts';
import { CachedOrganizations, type Authentication } from './organization/cached-organizations.ts';
import type { NewOrganization, Organization, OrganizationPatch } from './organization/organization.ts';
import * as organizations from './organization/organizations.ts';
import type { Page, PageRequest } from './page.ts';
import {
  changeSubscriptions,
  type SubscriptionOutcome,
  type SubscriptionRequest,
} from './subscription/change-subscriptions.ts';
import type { Subscription } from './subscription/subscription.ts';
import { loadSubscriptions } from './subscription/subscription.store.ts';

export interface DirectorySettings {
  /** Organisations, and as many keys, kept in memory. */
  readonly organizationCacheSize?: number;
  /** Identifiers and contact ids kept in memory, some 300 bytes each. */
  readonly contactCacheSize?: number;
  readonly clock?: Clock;
}

export interface AsOf {
  /** `asOf` of the authentication of the same request: no further version read is made. */
  readonly asOf?: Reading;
}

const DEFAULT_ORGANIZATION_CACHE_SIZE = 10_000;
const DEFAULT_CONTACT_CACHE_SIZE = 100_000;

/**
 * Organisations, keys and contacts: the one door to the schema `directory`. What it answers holds at the moment of the
 * call, on every instance, although most of it comes from memory (README: how the caches are kept true).
 */
export class Directory {
  private readonly database: Database;
  private readonly revisions: RevisionReader;
  private readonly cachedOrganizations: CachedOrganizations;
  private readonly cachedOwners: CachedOwners;
  private readonly creator: ContactCreator;
  private readonly clock: Clock;

  constructor(
    database: Database,
    {
      organizationCacheSize = DEFAULT_ORGANIZATION_CACHE_SIZE,
      contactCacheSize = DEFAULT_CONTACT_CACHE_SIZE,
      clock = systemClock,
    }: DirectorySettings = {},
  ) {
    this.database = database;
    this.clock = clock;
    this.revisions = new RevisionReader(database);
    this.cachedOrganizations = new CachedOrganizations(database, this.revisions, organizationCacheSize);
    this.cachedOwners = new CachedOwners(database, contactCacheSize);
    this.creator = new ContactCreator(database, this.now);
  }

  private readonly now = (): Date => new Date(this.clock.now());

  /** Those that exist, by id. */
  async organizations(ids: readonly string[], { asOf }: AsOf = {}): Promise<Map<string, Organization>> {
    return this.cachedOrganizations.find([...new Set(ids)].filter(isUuid), asOf);
  }

  /** Whose key it is. `bearer` is what follows "Bearer ". */
  authenticate(bearer: string): Promise<Authentication> {
    return this.cachedOrganizations.authenticate(bearer, this.clock.now());
  }

  /** The contact of each request, at its place; made where that is allowed (`create`) and needed. */
  resolve(requests: readonly ContactRequest[], { asOf }: AsOf = {}): Promise<ContactResolution[]> {
    return resolveContacts(requests, {
      owners: this.cachedOwners,
      creator: this.creator,
      read: (organizationIds) => this.revisions.readUnless(asOf, organizationIds),
    });
  }

  /** Contacts by the id that was asked for. Aliases are followed; those that do not exist are missing. */
  async contacts(refs: readonly ContactRef[]): Promise<Map<string, Contact>> {
    return loadContacts(
      this.database,
      refs.filter((ref) => isUuid(ref.organizationId) && isUuid(ref.contactId)),
    );
  }

  /** Those of the ids whose person was erased, aliases followed. */
  async erased(refs: readonly ContactRef[]): Promise<ReadonlySet<string>> {
    return erasedOf(
      this.database,
      refs.filter((ref) => isUuid(ref.organizationId) && isUuid(ref.contactId)),
    );
  }

  /** The ids that became this contact by merges, also when it was erased since. */
  formerIds(ref: ContactRef): Promise<string[]> {
    return formerIdsOf(this.database, ref);
  }

  /** Applies `update_contact` operations, each cause once. With `tx` they are part of the caller's transaction (same database). */
  updateContacts(changes: readonly ContactChangeRequest[], tx?: Queryable): Promise<UpdatedContacts> {
    return updateContacts(this.database, changes, this.now, tx);
  }

  /** What contacts want to hear of; with a cause, each is done once. An outcome per request, at its place. */
  changeSubscriptions(requests: readonly SubscriptionRequest[]): Promise<SubscriptionOutcome[]> {
    return changeSubscriptions(this.database, requests, this.now);
  }

  /** Of a contact by its own id (aliases are not followed), by topic. */
  subscriptions(ref: ContactRef): Promise<Subscription[]> {
    return loadSubscriptions(this.database, ref);
  }

  createContact(organizationId: string, input: ContactInput): Promise<changing.CreateOutcome> {
    return changing.createContact(this.database, organizationId, input, this.now);
  }

  /** An outcome per item, at its place. */
  upsertContacts(organizationId: string, items: readonly ContactInput[]): Promise<changing.UpsertOutcome[]> {
    return changing.upsertContacts(this.database, organizationId, items, this.now);
  }

  /** `key`: id, email or external id, tried in this order. */
  async getContact(organizationId: string, key: string): Promise<Contact | undefined> {
    const contactId = await findByKey(this.database, organizationId, key);
    if (!contactId) return undefined;
    return (await loadContacts(this.database, [{ organizationId, contactId }])).get(contactId);
  }

  findContacts(organizationId: string, filter: ContactFilter = {}): Promise<Page<Contact>> {
    return findContacts(this.database, organizationId, filter);
  }

  patchContact(organizationId: string, key: string, input: ContactInput): Promise<changing.PatchOutcome> {
    return changing.patchContact(this.database, organizationId, key, input, this.now);
  }

  deleteContact(organizationId: string, key: string): Promise<ending.EraseOutcome> {
    return ending.deleteContact(this.database, organizationId, key, this.now);
  }

  /** The first becomes an alias of the second. Keys: id, email or external id. */
  mergeContacts(organizationId: string, fromKey: string, intoKey: string): Promise<ending.MergeOutcome> {
    return ending.mergeContacts(this.database, organizationId, fromKey, intoKey, this.now);
  }

  /** A provisional contact becomes an alias of the person that it turned out to be, once; no person is ever merged by this. */
  identifyProvisional(
    organizationId: string,
    provisionalId: string,
    intoId: string,
  ): Promise<identifying.IdentifyOutcome> {
    return identifying.identifyProvisional(this.database, organizationId, provisionalId, intoId, this.now);
  }

  /** Gives a contact a WhatsApp user id; who was known by that id alone becomes an alias of it. */
  attachWhatsappUser(user: identifying.WhatsappUser): ReturnType<typeof identifying.attachWhatsappUser> {
    return identifying.attachWhatsappUser(this.database, user, this.now);
  }

  /** The same for many, in a few statements: only who becomes an alias costs a transaction. */
  attachWhatsappUsers(users: readonly identifying.WhatsappUser[]): Promise<void> {
    return identifying.attachWhatsappUsers(this.database, users, this.now);
  }

  /** Throws `Problem` VALIDATION_FAILED. With an `id` that is there already, gives that organisation as it stands. */
  createOrganization(organization: NewOrganization): Promise<Organization> {
    return organizations.createOrganization(this.database, organization, this.now());
  }

  /** `undefined`: there is none. Throws `Problem` VALIDATION_FAILED. */
  updateOrganization(id: string, patch: OrganizationPatch): Promise<Organization | undefined> {
    return organizations.updateOrganization(this.database, id, patch, this.now());
  }

  /** Newest first. */
  listOrganizations(page: PageRequest = {}): Promise<Page<Organization>> {
    return organizations.listOrganizations(this.database, page);
  }

  /** `key` is shown this once. `undefined`: there is no such organisation. Throws `Problem` VALIDATION_FAILED. */
  createKey(
    organizationId: string,
    key: NewApiKey,
  ): Promise<{ readonly apiKey: ApiKey; readonly key: string } | undefined> {
    return organizations.createKey(this.database, organizationId, key, this.now());
  }

  listKeys(organizationId: string, page: PageRequest = {}): Promise<Page<ApiKey>> {
    return organizations.listKeys(this.database, organizationId, page);
  }

  /** `false`: the organisation has no such key. */
  revokeKey(organizationId: string, keyId: string): Promise<boolean> {
    return organizations.revokeKey(this.database, organizationId, keyId, this.now());
  }

  /**
   * Hands up to `limit` changes, oldest first, to `publish`, and removes them once it resolves; when it throws they stay.
   * One instance drains at a time. Gives how many were published: 0 when there are none or another instance is at it.
   */
  drainOutbox(limit: number, publish: (changes: readonly ContactChange[]) => Promise<void>): Promise<number> {
    return drainOutbox(this.database, limit, publish);
  }

  /** Forgets up to `limit` causes older than `ageMs`, which must exceed the time after which one can still come again. Gives how many. */
  purgeCauses(ageMs: number, limit: number): Promise<number> {
    return purgeCauses(this.database, new Date(this.clock.now() - ageMs), limit);
  }

  /** What Meta is to be told of, by organisation; those that have no channel with `conversionFeedback` are missing. */
  feedbackTerms(): Promise<ReadonlyMap<string, FeedbackTerms>> {
    return loadFeedbackTerms(this.database);
  }

  /** Clicks on ads that contacts came by. May be told again. */
  noteAdClicks(told: readonly clicks.AdClick[]): Promise<void> {
    return clicks.noteAdClicks(this.database, told);
  }

  /** The last click that each query asks for, at its place. */
  lastAdClicks(queries: readonly ClickQuery[]): Promise<(Click | undefined)[]> {
    return clicks.lastAdClicks(this.database, queries);
  }
}
