import type { Queryable } from '@trackline/postgres';
import type { Contact } from './contact.ts';
import {
  IDENTIFIER_FIELDS,
  IDENTIFIER_KINDS,
  identifierKey,
  type Identifier,
  type IdentifierField,
} from './identifier.ts';
import { recordChanges } from './outbox.ts';

/** One contact as it was (`undefined`: new) and as it shall be. */
export interface ContactWrite {
  readonly before: Contact | undefined;
  readonly after: Contact;
}

/** Someone else took an identifier between the look and the leap: what was decided is void, look again. */
export class Raced extends Error {
  override readonly name = 'Raced';
}

export const identifiersOf = (contact: Contact): (Identifier & { readonly field: IdentifierField })[] =>
  IDENTIFIER_FIELDS.flatMap((field) => {
    const value = contact[field];
    return value === undefined ? [] : [{ organizationId: contact.organizationId, field, value }];
  });

/**
 * Writes contacts with their identifiers and what is to be published. Existing ones must be locked, each contact may come
 * once. `causes`: by contact id, what brought the change about. Throws `Raced` when another transaction got an identifier first.
 */
export async function writeContacts(
  tx: Queryable,
  writes: readonly ContactWrite[],
  now: Date,
  causes: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  if (writes.length === 0) return;
  const gains = writes.flatMap((write) => added(write));
  const losses = writes.flatMap((write) => removed(write));
  // First gain, then give up: whoever waits here for another's uncommitted row holds nothing that the other could want.
  // Only what moves from one contact of this batch to another must be free before.
  const gained = new Set(gains.map(identifierKey));
  const passedOn = losses.filter((loss) => gained.has(identifierKey(loss)));
  await release(tx, passedOn);
  await claim(tx, gains);
  await release(
    tx,
    losses.filter((loss) => !passedOn.includes(loss)),
  );
  await insertContacts(
    tx,
    writes.filter((write) => !write.before).map((write) => write.after),
  );
  await updateContacts(
    tx,
    writes.filter((write) => write.before).map((write) => write.after),
  );
  await recordChanges(
    tx,
    writes.map(({ before, after }) => ({
      organizationId: after.organizationId,
      contactId: after.id,
      change: before ? 'updated' : 'created',
      ...causeOf(causes, after.id),
    })),
    now,
  );
  await moveIdentifiers(
    tx,
    losses.map((loss) => loss.organizationId),
  );
}

function causeOf(causes: ReadonlyMap<string, string>, contactId: string): { cause?: string } {
  const cause = causes.get(contactId);
  return cause === undefined ? {} : { cause };
}

type Claim = Identifier & { readonly contactId: string };

const added = ({ before, after }: ContactWrite): Claim[] =>
  identifiersOf(after)
    .filter((identifier) => before?.[identifier.field] !== identifier.value)
    .map((identifier) => ({ ...identifier, contactId: after.id }));

const removed = ({ before, after }: ContactWrite): Claim[] =>
  before
    ? identifiersOf(before)
        .filter((identifier) => after[identifier.field] !== identifier.value)
        .map((identifier) => ({ ...identifier, contactId: before.id }))
    : [];

/** Identifiers are always claimed in one order, so that two batches never wait for each other in a circle. */
export const inLockOrder = <T extends Identifier>(identifiers: readonly T[]): T[] =>
  identifiers
    .map((identifier) => ({ identifier, key: Buffer.from(identifierKey(identifier)) }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
    .map(({ identifier }) => identifier);

/** Takes identifiers that are free; gives who has got which, by `identifierKey`. Of two claims for one the first gets it. */
export async function claimFree(tx: Queryable, claims: readonly Claim[]): Promise<Map<string, string>> {
  if (claims.length === 0) return new Map();
  const ordered = inLockOrder(claims);
  const { rows } = await tx.query<{
    organization_id: string;
    kind: number;
    value: string;
    contact_id: string;
  }>({
    name: 'directory.claim',
    text: `INSERT INTO directory.identifier (organization_id, kind, value, contact_id)
           SELECT q.organization_id, q.kind, q.value, q.contact_id
             FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::uuid[]) WITH ORDINALITY
               AS q (organization_id, kind, value, contact_id, n) ORDER BY q.n
           ON CONFLICT DO NOTHING RETURNING organization_id, kind, value, contact_id`,
    values: columnsOf(ordered),
  });
  return new Map(rows.map((row) => [`${row.organization_id}${row.kind}${row.value}`, row.contact_id]));
}

async function claim(tx: Queryable, claims: readonly Claim[]): Promise<void> {
  const got = await claimFree(tx, claims);
  const missed = claims.filter((wanted) => got.get(identifierKey(wanted)) !== wanted.contactId);
  if (missed.length === 0) return;
  // A further identifier that the contact has kept from a merge is its own already.
  const { rows } = await tx.query<{ own: number }>({
    text: `SELECT count(*) AS own FROM directory.identifier i
             JOIN unnest($1::uuid[], $2::smallint[], $3::text[], $4::uuid[]) AS q (organization_id, kind, value, contact_id)
               ON i.organization_id = q.organization_id AND i.kind = q.kind AND i.value = q.value AND i.contact_id = q.contact_id`,
    values: columnsOf(missed),
  });
  if (rows[0]?.own !== missed.length) throw new Raced('another contact got the identifier first');
}

export async function release(tx: Queryable, claims: readonly Claim[]): Promise<void> {
  if (claims.length === 0) return;
  await tx.query({
    name: 'directory.release',
    text: `DELETE FROM directory.identifier i
            USING unnest($1::uuid[], $2::smallint[], $3::text[], $4::uuid[]) AS q (organization_id, kind, value, contact_id)
            WHERE i.organization_id = q.organization_id AND i.kind = q.kind AND i.value = q.value AND i.contact_id = q.contact_id`,
    values: columnsOf(claims),
  });
}

/** Makes every cache look again at the identifiers of these organisations. The last statement of a transaction: it locks their rows. */
export async function moveIdentifiers(tx: Queryable, organizationIds: readonly string[]): Promise<void> {
  if (organizationIds.length === 0) return;
  await tx.query({
    name: 'directory.move_identifiers',
    text: `WITH locked AS (
             SELECT organization_id FROM directory.revision
              WHERE organization_id = ANY ($1::uuid[]) ORDER BY organization_id FOR UPDATE)
           UPDATE directory.revision r SET identifiers = identifiers + 1
             FROM locked WHERE r.organization_id = locked.organization_id`,
    values: [[...new Set(organizationIds)]],
  });
}

/** `causes` are those of contacts made by an event, by contact id. */
export async function insertContacts(
  tx: Queryable,
  contacts: readonly Contact[],
  causes: ReadonlyMap<string, Buffer> = new Map(),
): Promise<void> {
  if (contacts.length === 0) return;
  await tx.query({
    name: 'directory.insert_contacts',
    text: `INSERT INTO directory.contact
             (organization_id, id, email, phone, external_id, first_name, last_name, properties, updated_at, provisional, created_at, created_cause)
           SELECT organization_id, id, email, phone, external_id, first_name, last_name, properties::jsonb, updated_at, provisional, created_at, created_cause
             FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::timestamptz[], $10::boolean[], $11::timestamptz[], $12::bytea[])
               AS q (organization_id, id, email, phone, external_id, first_name, last_name, properties, updated_at, provisional, created_at, created_cause)`,
    values: [
      ...contactColumns(contacts),
      contacts.map((contact) => contact.createdAt),
      contacts.map((contact) => causes.get(contact.id) ?? null),
    ],
  });
}

async function updateContacts(tx: Queryable, contacts: readonly Contact[]): Promise<void> {
  if (contacts.length === 0) return;
  await tx.query({
    name: 'directory.update_contacts',
    text: `UPDATE directory.contact c
              SET email = q.email, phone = q.phone, external_id = q.external_id, first_name = q.first_name,
                  last_name = q.last_name, properties = q.properties::jsonb, updated_at = q.updated_at,
                  provisional = q.provisional
             FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::timestamptz[], $10::boolean[])
               AS q (organization_id, id, email, phone, external_id, first_name, last_name, properties, updated_at, provisional)
            WHERE c.organization_id = q.organization_id AND c.id = q.id`,
    values: contactColumns(contacts),
  });
}

const contactColumns = (contacts: readonly Contact[]): unknown[] => [
  contacts.map((contact) => contact.organizationId),
  contacts.map((contact) => contact.id),
  contacts.map((contact) => contact.email ?? null),
  contacts.map((contact) => contact.phone ?? null),
  contacts.map((contact) => contact.externalId ?? null),
  contacts.map((contact) => contact.firstName ?? null),
  contacts.map((contact) => contact.lastName ?? null),
  contacts.map((contact) => JSON.stringify(contact.properties)),
  contacts.map((contact) => contact.updatedAt),
  contacts.map((contact) => contact.provisional === true),
];

const columnsOf = (claims: readonly Claim[]): unknown[] => [
  claims.map((claim) => claim.organizationId),
  claims.map((claim) => IDENTIFIER_KINDS[claim.field]),
  claims.map((claim) => claim.value),
  claims.map((claim) => claim.contactId),
];
