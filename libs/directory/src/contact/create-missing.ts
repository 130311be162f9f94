import { uuidv7 } from '@trackline/kernel';
import type { Queryable } from '@trackline/postgres';
import type { Creation } from './contact-request.ts';
import { loadOwnersById } from './contact.reader.ts';
import { claimFree, insertContacts, release } from './contact.writer.ts';
import { IDENTIFIER_FIELDS, identifierKey, type Identifier } from './identifier.ts';
import { recordChanges } from './outbox.ts';
import type { Contact } from './contact.ts';

export type CreationOutcome =
  | { readonly contactId: string }
  /** Another transaction has the identifier: look again. */
  | 'raced'
  /** This cause made a contact that has been erased since; it must not come back. */
  | 'erased';

/** Makes one contact per creation, unless its cause has made one before, or its primary is taken: meanwhile, or by another of these. */
export async function createMissing(
  tx: Queryable,
  creations: readonly Creation[],
  now: Date,
): Promise<CreationOutcome[]> {
  const earlier = await ofCauses(tx, creations);
  const wanted = creations
    .filter((creation) => !earlier.has(creation))
    .map((creation) => ({ creation, contactId: uuidv7(now.getTime()) }));
  const got = await claimFree(
    tx,
    wanted.flatMap(({ creation, contactId }) =>
      [creation.primary, ...creation.others].map((identifier) => ({ ...identifier, contactId })),
    ),
  );
  const hasGot = ({ creation, contactId }: Wanted): boolean =>
    got.get(identifierKey(creation.primary)) === contactId;
  const won = wanted.filter(hasGot);
  const lost = wanted.filter((one) => !hasGot(one));
  await release(
    tx,
    lost.flatMap(({ creation, contactId }) =>
      creation.others
        .filter((identifier) => got.get(identifierKey(identifier)) === contactId)
        .map((identifier) => ({ ...identifier, contactId })),
    ),
  );
  await insertContacts(
    tx,
    attached(won, got, now),
    new Map(won.map(({ creation, contactId }) => [contactId, creation.cause])),
  );
  await rememberCauses(
    tx,
    won.map(({ creation, contactId }) => ({
      cause: creation.cause,
      organizationId: creation.primary.organizationId,
      contactId,
    })),
    now,
  );
  await recordChanges(
    tx,
    // A provisional contact is nobody yet: what is told of it is whom it turned out to be.
    won
      .filter(({ creation }) => !creation.provisional)
      .map(({ creation, contactId }) => ({
        organizationId: creation.primary.organizationId,
        contactId,
        change: 'created' as const,
      })),
    now,
  );
  const made = new Map(won.map(({ creation, contactId }) => [creation, { contactId }]));
  return creations.map((creation) => earlier.get(creation) ?? made.get(creation) ?? 'raced');
}

interface Wanted {
  readonly creation: Creation;
  readonly contactId: string;
}

/** The contacts to insert, each with those of its identifiers that it got. */
function attached(won: readonly Wanted[], got: ReadonlyMap<string, string>, now: Date): Contact[] {
  return won.map(({ creation, contactId }) => {
    const identifiers = [creation.primary, ...creation.others].filter(
      (identifier) => got.get(identifierKey(identifier)) === contactId,
    );
    return {
      id: contactId,
      organizationId: creation.primary.organizationId,
      ...Object.fromEntries(identifiers.filter(isField).map(({ field, value }) => [field, value])),
      ...(creation.firstName === undefined ? undefined : { firstName: creation.firstName }),
      properties: {},
      ...(creation.provisional ? { provisional: true as const } : undefined),
      createdAt: now,
      updatedAt: now,
    };
  });
}

const isField = ({ field }: Identifier): boolean => (IDENTIFIER_FIELDS as readonly string[]).includes(field);

/** What the causes that have been here before made. */
async function ofCauses(
  tx: Queryable,
  creations: readonly Creation[],
): Promise<Map<Creation, CreationOutcome>> {
  const { rows } = await tx.query<{ cause: Buffer; organization_id: string; contact_id: string }>({
    name: 'directory.contacts_of_causes',
    text: `SELECT cause, organization_id, contact_id FROM directory.change WHERE cause = ANY ($1::bytea[])`,
    values: [creations.map((creation) => creation.cause)],
  });
  if (rows.length === 0) return new Map();
  const owners = await loadOwnersById(
    tx,
    rows.map((row) => ({ organizationId: row.organization_id, contactId: row.contact_id })),
  );
  const outcomes = new Map(
    rows.map((row, at): [string, CreationOutcome] => {
      const owner = owners[at];
      return [row.cause.toString('hex'), owner ? { contactId: owner.contactId } : 'erased'];
    }),
  );
  return new Map(
    creations.flatMap((creation): [Creation, CreationOutcome][] => {
      const outcome = outcomes.get(creation.cause.toString('hex'));
      return outcome ? [[creation, outcome]] : [];
    }),
  );
}

export interface MadeBy {
  readonly cause: Buffer;
  readonly organizationId: string;
  readonly contactId: string;
}

export async function rememberCauses(tx: Queryable, causes: readonly MadeBy[], now: Date): Promise<void> {
  if (causes.length === 0) return;
  await tx.query({
    name: 'directory.remember_causes',
    text: `INSERT INTO directory.change (cause, organization_id, contact_id, at)
           SELECT q.cause, q.organization_id, q.contact_id, $4
             FROM unnest($1::bytea[], $2::uuid[], $3::uuid[]) AS q (cause, organization_id, contact_id)
            ORDER BY q.cause ON CONFLICT DO NOTHING`,
    values: [
      causes.map((made) => made.cause),
      causes.map((made) => made.organizationId),
      causes.map((made) => made.contactId),
      now,
    ],
  });
}
