import { MAX_CLICK_CHARACTERS, type Click, type ClickQuery } from '@trackline/contracts';
import type { Database, Queryable } from '@trackline/postgres';
import type { ContactRef } from '../contact/contact.reader.ts';
import { Raced } from '../contact/contact.writer.ts';
import { settle } from '../contact/settle.ts';

/** A click on an ad by which a contact came into a chat with one of the organisation's numbers. */
export interface AdClick extends ContactRef, Click {
  /** Milliseconds since the epoch: of the message that it came with. */
  readonly clickedAtMs: number;
}

/** Told again, nothing changes. Clicks of contacts that are gone are left out, also under the ids of those who were merged into them. */
export async function noteAdClicks(database: Database, clicks: readonly AdClick[]): Promise<void> {
  const told = new Map<string, AdClick>();
  for (const click of clicks) {
    const { organizationId, contactId, ctwaClid } = click;
    if (ctwaClid.length > MAX_CLICK_CHARACTERS) continue;
    const key = JSON.stringify([organizationId, contactId, ctwaClid]);
    const before = told.get(key);
    if (!before || click.clickedAtMs < before.clickedAtMs) told.set(key, click);
  }
  const all = [...told.values()];
  if (all.length === 0) return;
  await settle(database, async (tx) => {
    // An erasure comes before this, and its contact is gone by now, or after it, and takes the click along.
    const there = await holdContacts(tx, all);
    await writeClicks(
      tx,
      all.filter((click) => there.has(click.contactId)),
    );
  });
}

/**
 * The told ids whose contacts are there and stay until the transaction ends, aliases followed. Throws `Raced` when one was merged while it was
 * waited for: it is another by now, which nobody holds.
 */
async function holdContacts(tx: Queryable, clicks: readonly AdClick[]): Promise<ReadonlySet<string>> {
  const first = await lockHolders(tx, clicks);
  const held = new Set(first.map(({ holder }) => holder));
  const there = await lockHolders(tx, clicks);
  if (there.some(({ holder }) => !held.has(holder))) throw new Raced('a contact was merged');
  return new Set(there.map(({ told }) => told));
}

async function lockHolders(
  tx: Queryable,
  clicks: readonly AdClick[],
): Promise<readonly { readonly told: string; readonly holder: string }[]> {
  const byId = new Map(clicks.map((click) => [click.contactId, click.organizationId]));
  const ids = [...byId.keys()].sort();
  const { rows } = await tx.query<{ told: string; holder: string }>({
    name: 'directory.hold_clicked',
    text: `SELECT q.id AS told, c.id AS holder FROM unnest($1::uuid[], $2::uuid[]) AS q (organization_id, id)
             LEFT JOIN LATERAL (
               SELECT into_id FROM directory.contact_alias
                WHERE organization_id = q.organization_id AND id = q.id LIMIT 1) a ON true
            CROSS JOIN LATERAL (
              SELECT id FROM directory.contact
               WHERE organization_id = q.organization_id AND id = coalesce(a.into_id, q.id) FOR KEY SHARE) c`,
    values: [ids.map((id) => byId.get(id)), ids],
  });
  return rows;
}

async function writeClicks(tx: Queryable, rows: readonly AdClick[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query({
    name: 'directory.note_ad_clicks',
    text: `INSERT INTO directory.ad_click AS held (organization_id, contact_id, ctwa_clid, phone_number_id, clicked_at)
           SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[]) ORDER BY 1, 2, 3
           ON CONFLICT (organization_id, contact_id, ctwa_clid) DO UPDATE SET clicked_at = excluded.clicked_at
             WHERE excluded.clicked_at < held.clicked_at`,
    values: [
      rows.map((row) => row.organizationId),
      rows.map((row) => row.contactId),
      rows.map((row) => row.ctwaClid),
      rows.map((row) => row.phoneNumberId),
      rows.map((row) => new Date(row.clickedAtMs).toISOString()),
    ],
  });
}

/** At each query's place; a contact's clicks are also those of all who were merged into it, under whichever id it is asked for. */
export async function lastAdClicks(
  db: Queryable,
  queries: readonly ClickQuery[],
): Promise<(Click | undefined)[]> {
  const found: (Click | undefined)[] = queries.map(() => undefined);
  if (queries.length === 0) return found;
  const { rows } = await db.query<{ place: number; ctwa_clid: string; phone_number_id: string }>({
    name: 'directory.last_ad_clicks',
    text: `WITH asked AS (
             SELECT * FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::text[])
               AS asked (place, organization_id, contact_id, since, until, numbers)
           ), member AS (
             SELECT asked.*, coalesce(alias.into_id, asked.contact_id) AS member_id FROM asked
             LEFT JOIN directory.contact_alias alias ON alias.organization_id = asked.organization_id AND alias.id = asked.contact_id
           ), family AS (
             SELECT * FROM member
             UNION ALL
             SELECT member.place, member.organization_id, member.contact_id, member.since, member.until, member.numbers, alias.id
             FROM member JOIN directory.contact_alias alias
               ON alias.organization_id = member.organization_id AND alias.into_id = member.member_id
           )
           SELECT DISTINCT ON (family.place) family.place, click.ctwa_clid, click.phone_number_id
           FROM family JOIN directory.ad_click click
             ON click.organization_id = family.organization_id AND click.contact_id = family.member_id
               AND click.clicked_at BETWEEN family.since AND family.until
               AND click.phone_number_id = ANY (string_to_array(family.numbers, ' '))
           ORDER BY family.place, click.clicked_at DESC, click.ctwa_clid DESC`,
    values: [
      queries.map((_, place) => place),
      queries.map((query) => query.organizationId),
      queries.map((query) => query.contactId),
      queries.map((query) => new Date(query.fromMs).toISOString()),
      queries.map((query) => new Date(query.toMs).toISOString()),
      // Digits only: an array of arrays would have to be a rectangle.
      queries.map((query) => query.phoneNumberIds.join(' ')),
    ],
  });
  for (const { place, ctwa_clid, phone_number_id } of rows)
    found[place] = { ctwaClid: ctwa_clid, phoneNumberId: phone_number_id };
  return found;
}

/** Of a contact that is erased, and of all who were merged into it. */
export async function removeAdClicks(
  tx: Queryable,
  { organizationId, contactId }: ContactRef,
): Promise<void> {
  await tx.query({
    text: `DELETE FROM directory.ad_click WHERE organization_id = $1 AND (contact_id = $2 OR contact_id IN (
             SELECT id FROM directory.contact_alias WHERE organization_id = $1 AND into_id = $2))`,
    values: [organizationId, contactId],
  });
}

/** Forgets up to `limit` older than that. Gives how many. */
export async function purgeAdClicks(database: Database, before: Date, limit: number): Promise<number> {
  const { rowCount } = await database.query({
    name: 'directory.purge_ad_clicks',
    text: `DELETE FROM directory.ad_click WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM directory.ad_click WHERE clicked_at < $1 ORDER BY clicked_at LIMIT $2))`,
    values: [before, limit],
  });
  return rowCount;
}
