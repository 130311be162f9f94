import type { Reading } from '../cache/revision-reader.ts';
import { referenceKey, type CachedOwners } from './cached-owners.ts';
import {
  notFound,
  toSearch,
  type ContactRequest,
  type ContactResolution,
  type Creation,
  type Search,
} from './contact-request.ts';
import type { Owner } from './contact.reader.ts';
import type { ContactCreator, MadeContacts } from './contact-creator.ts';
import { identifierKey } from './identifier.ts';

export interface ResolveTools {
  readonly owners: CachedOwners;
  /** Revisions of at least these organisations, as of now. */
  readonly read: (organizationIds: readonly string[]) => Promise<Reading>;
  readonly creator: ContactCreator;
}

/** A round resolves all but those that lost a race or wait for another of the batch; both are found in the next. */
const MAX_ROUNDS = 8;

interface Open {
  readonly at: number;
  readonly search: Search;
}

/**
 * Finds the contact of each request, in order, and makes those that may be made: normalise → look up → create → look up
 * again where another was faster. What is wrong with one request concerns no other.
 */
export async function resolveContacts(
  requests: readonly ContactRequest[],
  { owners, creator, read }: ResolveTools,
): Promise<ContactResolution[]> {
  const resolutions = new Array<ContactResolution>(requests.length);
  let open: Open[] = [];
  requests.forEach((request, at) => {
    const search = toSearch(request);
    if ('notFound' in search) resolutions[at] = search;
    else open.push({ at, search });
  });
  if (open.length === 0) return resolutions;
  const reading = await read([...new Set(open.map(({ search }) => search.organizationId))]);
  for (let round = 1; open.length > 0; round++) {
    if (round > MAX_ROUNDS)
      throw new Error(`${open.length} contacts were still contended after ${MAX_ROUNDS} rounds`);
    const found = await owners.find(
      open.flatMap(({ search }) => search.references),
      reading,
    );
    const plan = decide(open, found, reading, resolutions);
    // As nearly always: all of them are known.
    if (plan.creations.length === 0 && plan.later.length === 0) return resolutions;
    const outcomes = await creator.create(plan.creations);
    open = [...applyOutcomes(plan.creating, outcomes, resolutions), ...plan.later].sort(
      (a, b) => a.at - b.at,
    );
  }
  return resolutions;
}

interface Plan {
  /** One per primary identifier. */
  readonly creations: Creation[];
  /** The requests that they are for, first of its primary first. */
  readonly creating: Map<Creation, Open[]>;
  /** Name a contact that an earlier request of the batch is about to make. */
  readonly later: Open[];
}

/** Settles what is known, and plans what must be made. */
function decide(
  open: readonly Open[],
  found: ReadonlyMap<string, Owner>,
  reading: Reading,
  resolutions: ContactResolution[],
): Plan {
  const byPrimary = new Map<string, Creation>();
  const planned = new Set<string>();
  const creating = new Map<Creation, Open[]>();
  const later: Open[] = [];
  for (const one of open) {
    const { search, at } = one;
    const { create } = search;
    const keys = search.references.map(referenceKey);
    const owner = firstOf(keys, found);
    if (owner) {
      resolutions[at] = { contactId: owner.contactId, created: isMaker(create, owner) };
      continue;
    }
    const samePrimary = create && byPrimary.get(identifierKey(create.primary));
    if (!reading.has(search.organizationId)) resolutions[at] = notFound('There is no such organization.');
    else if (samePrimary) creating.get(samePrimary)!.push(one);
    else if (keys.some((key) => planned.has(key))) later.push(one);
    else if (!create) resolutions[at] = notFound('There is no contact with this identifier.');
    else {
      byPrimary.set(identifierKey(create.primary), create);
      creating.set(create, [one]);
      for (const identifier of [create.primary, ...create.others]) planned.add(identifierKey(identifier));
    }
  }
  return { creations: [...creating.keys()], creating, later };
}

function firstOf(keys: readonly string[], found: ReadonlyMap<string, Owner>): Owner | undefined {
  for (const key of keys) {
    const owner = found.get(key);
    if (owner) return owner;
  }
  return undefined;
}

const isMaker = (create: Creation | undefined, owner: Owner): boolean =>
  create !== undefined && owner.createdCause === create.cause.toString('hex');

/** Resolves the requests of what was made; gives back those that must look again. */
function applyOutcomes(
  creating: ReadonlyMap<Creation, Open[]>,
  outcomes: MadeContacts,
  resolutions: ContactResolution[],
): Open[] {
  const again: Open[] = [];
  for (const [creation, requests] of creating) {
    const outcome = outcomes.get(creation)!;
    const [maker, ...others] = requests as [Open, ...Open[]];
    if (outcome === 'raced') {
      again.push(...requests);
      continue;
    }
    if (outcome === 'erased')
      resolutions[maker.at] = notFound('The contact that this event had created was erased.');
    else if (outcome === 'unstorable') resolutions[maker.at] = notFound('The contact cannot be stored.');
    else resolutions[maker.at] = { contactId: outcome.contactId, created: true };
    again.push(...others);
  }
  return again;
}
