import type { Queryable } from '@trackline/postgres';

/** The first of an advisory lock's two numbers: which lock it is. The migration's `enter_attribution` knows the first of them. */
const EDITIONS_LOCK = 1953851500;
const FAMILY_LOCK = 1953851501;

/**
 * Contacts share this many locks. An advisory lock takes a place in shared memory, of which there are 6,400 by default: a batch of 500 orders
 * must not take 500 of them. Batches that have more contacts than this wait for each other; they are milliseconds long.
 */
const STRIPES = 128;
const MAX_LOOKS = 5;

export interface ContactRef {
  readonly organizationId: string;
  readonly contactId: string;
}

/** A contact with all that became aliases of it, as it stands as long as its lock is held. */
export interface LockedFamily {
  readonly organizationId: string;
  readonly top: string;
  readonly members: readonly string[];
  readonly erased: boolean;
}

export type LockedFamilies = ReadonlyMap<string, LockedFamily>;

/** The facts moved while they were being locked: the transaction must be done anew. */
export class Contended extends Error {}

export const refKey = ({ organizationId, contactId }: ContactRef): string => `${organizationId}:${contactId}`;

/** Before any fact or figure is written: editions do not begin or end until the transaction has. Gives their version. */
export async function enterAttribution(tx: Queryable): Promise<number> {
  const { rows } = await tx.query<{ version: number }>({
    name: 'timeline-enter-attribution',
    text: 'SELECT timeline.enter_attribution() AS version',
  });
  return rows[0]!.version;
}

/** Waits until nobody writes facts or figures, and keeps everybody from it until the transaction ends: for a few rows only. */
export async function enterAlone(tx: Queryable): Promise<void> {
  await tx.query({ text: `SET LOCAL lock_timeout = '5s'` });
  await tx.query({ text: `SELECT pg_advisory_xact_lock(${EDITIONS_LOCK}, 0)` });
}

/** Where each contact's chain of merges ends, and who else ends there. The limit of steps ends a circle, should there ever be one. */
const FAMILIES = `
  WITH RECURSIVE step AS (
    SELECT organization_id, contact_id AS asked, contact_id AS reached, 0 AS steps
    FROM unnest($1::uuid[], $2::uuid[]) AS asked (organization_id, contact_id)
    UNION ALL
    SELECT step.organization_id, step.asked, alias.into_contact_id, step.steps + 1
    FROM step CROSS JOIN LATERAL (
      SELECT into_contact_id FROM timeline.alias AS one
      WHERE one.organization_id = step.organization_id AND one.contact_id = step.reached LIMIT 1
    ) AS alias
    WHERE step.steps < 32
  ), chain AS (
    SELECT DISTINCT ON (organization_id, asked) organization_id, asked, reached AS top
    FROM step ORDER BY organization_id, asked, steps DESC
  ), family AS (
    SELECT organization_id, top, top AS member FROM chain
    UNION
    SELECT family.organization_id, family.top, alias.contact_id
    FROM family CROSS JOIN LATERAL (
      SELECT contact_id FROM timeline.alias AS one
      WHERE one.organization_id = family.organization_id AND one.into_contact_id = family.member OFFSET 0
    ) AS alias
  ), whole AS (
    SELECT organization_id, top, array_agg(member) AS members FROM family GROUP BY organization_id, top
  )
  SELECT chain.organization_id AS "organizationId", chain.asked, chain.top, whole.members,
    (SELECT count(*) > 0 FROM timeline.tombstone AS grave WHERE grave.organization_id = chain.organization_id AND grave.contact_id = chain.top) AS erased
  FROM chain JOIN whole ON whole.organization_id = chain.organization_id AND whole.top = chain.top
`;

export interface FamilyRow extends LockedFamily {
  asked: string;
}

/** As they stand now: nobody is kept from changing them. */
export async function loadFamilies(
  tx: Queryable,
  refs: readonly ContactRef[],
): Promise<readonly FamilyRow[]> {
  const { rows } = await tx.query<FamilyRow>({
    name: 'timeline-families',
    text: FAMILIES,
    values: [refs.map((ref) => ref.organizationId), refs.map((ref) => ref.contactId)],
  });
  return rows;
}

/**
 * Locks the contacts, each by the one that it was merged into, and says who belongs to whom. A merge that came in between is seen by looking
 * again with the locks held. Locks are taken in one order; the rare second round may meet another's, which ends as a deadlock that is tried again.
 */
export async function lockFamilies(tx: Queryable, asked: Iterable<ContactRef>): Promise<LockedFamilies> {
  const refs = [...new Map([...asked].map((ref) => [refKey(ref), ref])).values()];
  if (refs.length === 0) return new Map();
  const held = new Set<number>();
  for (let look = 0; look < MAX_LOOKS; look += 1) {
    const rows = await loadFamilies(tx, refs);
    const missing = [...new Set(rows.map(({ top }) => stripeOf(top)))].filter((stripe) => !held.has(stripe));
    if (missing.length === 0) {
      return new Map(rows.map((row) => [refKey({ ...row, contactId: row.asked }), row]));
    }
    await tx.query({
      name: 'timeline-lock-families',
      text: `SELECT pg_advisory_xact_lock(${FAMILY_LOCK}, stripe) FROM unnest($1::int[]) AS stripe`,
      values: [missing.sort((a, b) => a - b)],
    });
    for (const stripe of missing) held.add(stripe);
  }
  throw new Contended('contacts were merged again and again while they were being locked');
}

/** Ids end in random bits, whoever made them. */
const stripeOf = (contactId: string): number => Number.parseInt(contactId.slice(-4), 16) % STRIPES;
