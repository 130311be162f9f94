import type { Queryable } from '@trackline/postgres';
import type { ContactRef } from './contact.reader.ts';

/** Those of the ids whose person was erased, under whichever of their ids they are asked for. Ids must be UUIDs. */
export async function erasedOf(db: Queryable, refs: readonly ContactRef[]): Promise<Set<string>> {
  if (refs.length === 0) return new Set();
  const { rows } = await db.query<{ asked: string }>({
    name: 'directory.erased',
    text: `SELECT q.id AS asked FROM unnest($1::uuid[], $2::uuid[]) AS q (organization_id, id)
             LEFT JOIN LATERAL (
               SELECT into_id FROM directory.contact_alias
                WHERE organization_id = q.organization_id AND id = q.id LIMIT 1) a ON true
            CROSS JOIN LATERAL (
              SELECT FROM directory.tombstone
               WHERE organization_id = q.organization_id AND id = coalesce(a.into_id, q.id) LIMIT 1) t`,
    values: [refs.map((ref) => ref.organizationId), refs.map((ref) => ref.contactId)],
  });
  return new Set(rows.map(({ asked }) => asked));
}

/** The ids that a contact had before it became this one, also of one that was erased since. */
export async function formerIdsOf(
  db: Queryable,
  { organizationId, contactId }: ContactRef,
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>({
    name: 'directory.former_ids',
    text: 'SELECT id FROM directory.contact_alias WHERE organization_id = $1 AND into_id = $2 ORDER BY id',
    values: [organizationId, contactId],
  });
  return rows.map(({ id }) => id);
}
