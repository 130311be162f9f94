import type { Queryable } from '@trackline/postgres';
import type { Contact } from './contact.ts';
import { IDENTIFIER_KINDS, type Identifier } from './identifier.ts';

export interface ContactRef {
  readonly organizationId: string;
  readonly contactId: string;
}

export interface ContactRow {
  organization_id: string;
  id: string;
  email: string | null;
  phone: string | null;
  external_id: string | null;
  first_name: string | null;
  last_name: string | null;
  properties: Record<string, unknown>;
  provisional: boolean;
  created_at: Date;
  updated_at: Date;
}

const COLUMNS = `c.organization_id, c.id, c.email, c.phone, c.external_id, c.first_name, c.last_name, c.properties, c.provisional,
  c.created_at, c.updated_at`;

/** Whose an id or identifier is, and what cause made that contact. */
export interface Owner {
  readonly contactId: string;
  /** Hex, `undefined` when the contact was not made by an event. */
  readonly createdCause: string | undefined;
}

interface OwnerRow {
  n: number;
  contact_id: string;
  created_cause: Buffer | null;
}

/**
 * The contact of `q`, aliases followed. LATERAL with a LIMIT makes the planner look each row up by its key, in this order:
 * before a table was analysed it took joins for cheap that visit every contact for every row asked for (seconds a batch).
 */
const FOLLOWED = `
  LEFT JOIN LATERAL (
    SELECT into_id FROM directory.contact_alias
     WHERE organization_id = q.organization_id AND id = q.id LIMIT 1) a ON true
  CROSS JOIN LATERAL (
    SELECT * FROM directory.contact
     WHERE organization_id = q.organization_id AND id = coalesce(a.into_id, q.id) LIMIT 1) c`;

/** Owners of identifiers, at the place of each; an empty place where nobody has it. */
export async function loadOwners(
  db: Queryable,
  identifiers: readonly Identifier[],
): Promise<(Owner | undefined)[]> {
  if (identifiers.length === 0) return [];
  const { rows } = await db.query<OwnerRow>({
    name: 'directory.owners',
    text: `SELECT q.n, i.contact_id, c.created_cause
             FROM unnest($1::uuid[], $2::smallint[], $3::text[]) WITH ORDINALITY AS q (organization_id, kind, value, n)
            CROSS JOIN LATERAL (
              SELECT contact_id FROM directory.identifier
               WHERE organization_id = q.organization_id AND kind = q.kind AND value = q.value LIMIT 1) i
            CROSS JOIN LATERAL (
              SELECT created_cause FROM directory.contact
               WHERE organization_id = q.organization_id AND id = i.contact_id LIMIT 1) c`,
    values: [
      identifiers.map((identifier) => identifier.organizationId),
      identifiers.map((identifier) => IDENTIFIER_KINDS[identifier.field]),
      identifiers.map((identifier) => identifier.value),
    ],
  });
  return placed(rows, identifiers.length);
}

/** The contacts that ids stand for, aliases followed, at the place of each. Ids must be UUIDs. */
export async function loadOwnersById(
  db: Queryable,
  refs: readonly ContactRef[],
): Promise<(Owner | undefined)[]> {
  if (refs.length === 0) return [];
  const { rows } = await db.query<OwnerRow>({
    name: 'directory.owners_by_id',
    text: `SELECT q.n, c.id AS contact_id, c.created_cause
             FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS q (organization_id, id, n)
             ${FOLLOWED}`,
    values: [refs.map((ref) => ref.organizationId), refs.map((ref) => ref.contactId)],
  });
  return placed(rows, refs.length);
}

/** Contacts by the id that was asked for, aliases followed. Ids must be UUIDs. */
export async function loadContacts(
  db: Queryable,
  refs: readonly ContactRef[],
): Promise<Map<string, Contact>> {
  if (refs.length === 0) return new Map();
  const { rows } = await db.query<ContactRow & { asked: string }>({
    name: 'directory.contacts',
    text: `SELECT q.id AS asked, ${COLUMNS}
             FROM unnest($1::uuid[], $2::uuid[]) AS q (organization_id, id)
             ${FOLLOWED}`,
    values: [refs.map((ref) => ref.organizationId), refs.map((ref) => ref.contactId)],
  });
  return new Map(rows.map((row) => [row.asked, fromRow(row)]));
}

/**
 * Contacts by their own id, locked until the transaction ends. Whoever takes an identifier away from a contact, merges or
 * erases it holds this lock. Locked in the order of ids, so that two batches never wait for each other in a circle.
 */
export async function lockContacts(
  tx: Queryable,
  refs: readonly ContactRef[],
): Promise<Map<string, Contact>> {
  if (refs.length === 0) return new Map();
  const byId = new Map(refs.map((ref) => [ref.contactId, ref.organizationId]));
  const ids = [...byId.keys()].sort();
  const { rows } = await tx.query<ContactRow>({
    name: 'directory.lock_contacts',
    text: `SELECT ${COLUMNS} FROM unnest($1::uuid[], $2::uuid[]) AS q (organization_id, id)
            CROSS JOIN LATERAL (
              SELECT * FROM directory.contact
               WHERE organization_id = q.organization_id AND id = q.id FOR UPDATE) c`,
    values: [ids.map((id) => byId.get(id)), ids],
  });
  return new Map(rows.map((row) => [row.id, fromRow(row)]));
}

export const fromRow = (row: ContactRow): Contact => ({
  id: row.id,
  organizationId: row.organization_id,
  ...(row.email === null ? undefined : { email: row.email }),
  ...(row.phone === null ? undefined : { phone: row.phone }),
  ...(row.external_id === null ? undefined : { externalId: row.external_id }),
  ...(row.first_name === null ? undefined : { firstName: row.first_name }),
  ...(row.last_name === null ? undefined : { lastName: row.last_name }),
  properties: row.properties,
  ...(row.provisional ? { provisional: true as const } : undefined),
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

export const CONTACT_COLUMNS = COLUMNS;

function placed(rows: readonly OwnerRow[], length: number): (Owner | undefined)[] {
  const owners = new Array<Owner | undefined>(length).fill(undefined);
  for (const row of rows) {
    owners[row.n - 1] = {
      contactId: row.contact_id,
      createdCause: row.created_cause?.toString('hex'),
    };
  }
  return owners;
}
