import type { Clock } from '@trackline/kernel';
import type { Database, Queryable } from '@trackline/postgres';
import type { Link, LinkedContact, LinkKey } from '../../domain/whatsapp/link.ts';
import type { Identified, Links, People } from '../../ports.ts';

interface LinkRow {
  key: Buffer;
  contact_id: string;
  provisional: boolean;
}

/** Who is behind a message or a click, in the schema `ingest`. */
export function postgresLinks(database: Database, clock: Clock, people: Pick<People, 'madeByHand'>): Links {
  const now = (): Date => new Date(clock.now());
  return {
    find: (organizationId, keys) => findLinks(database, organizationId, keys),

    async linkPersons(organizationId, links) {
      const found = await findLinks(
        database,
        organizationId,
        links.map(({ key }) => key),
      );
      const news = links.filter(({ key, contactId }) => isNews(found.get(key), contactId));
      if (news.length === 0) return false;
      const moving = [...new Set(news.flatMap(({ key }) => found.get(key)?.contactId ?? []))];
      // Asked before the transaction, which must not wait for a second connection. Whom somebody made by hand goes before what is told.
      const byHand =
        moving.length === 0 ? new Map<string, string>() : await people.madeByHand({ organizationId }, moving);
      return database.transaction(async (tx) => {
        await insertLinks(tx, organizationId, news, now());
        return movePersons(tx, organizationId, { links: news, byHand, now: now() });
      });
    },

    async linkProvisionals(organizationId, links) {
      await database.transaction(async (tx) => {
        // The contact first: a link to it never stands there as if it led to a person.
        await tx.query({
          name: 'ingest.note_provisionals',
          text: `INSERT INTO ingest.provisional (organization_id, contact_id, made_at)
                 SELECT $1, q.id, $3 FROM unnest($2::uuid[]) AS q (id) ORDER BY q.id ON CONFLICT DO NOTHING`,
          values: [organizationId, [...new Set(links.map(({ contactId }) => contactId))], now()],
        });
        await insertLinks(tx, organizationId, links, now());
      });
    },

    takeIdentified: (limit, identify) =>
      database.transaction(async (tx) => {
        const rows = await lockIdentified(tx, limit);
        const done: Identified[] = [];
        for (const identified of rows) {
          const as = await identify(identified);
          if (as) done.push({ ...identified, personId: as.personId ?? identified.personId });
        }
        await tx.query({
          name: 'ingest.merged',
          text: `UPDATE ingest.provisional p SET merged_at = $3, person_id = q.person_id
                   FROM unnest($1::uuid[], $2::uuid[], $4::uuid[]) AS q (organization_id, contact_id, person_id)
                  WHERE p.organization_id = q.organization_id AND p.contact_id = q.contact_id`,
          values: [
            done.map(({ organizationId }) => organizationId),
            done.map(({ provisionalId }) => provisionalId),
            now(),
            done.map(({ personId }) => personId),
          ],
        });
        return rows.length;
      }),
  };
}

/** A key that leads to another person keeps its first: what a message once told does not change. */
const isNews = (known: LinkedContact | undefined, contactId: string): boolean =>
  !known || (known.provisional && known.contactId !== contactId);

const bytesOf = (key: LinkKey): Buffer => Buffer.from(key, 'hex');

async function findLinks(
  db: Queryable,
  organizationId: string,
  keys: readonly LinkKey[],
): Promise<Map<LinkKey, LinkedContact>> {
  const { rows } = await db.query<LinkRow>({
    name: 'ingest.links',
    text: `SELECT l.key, coalesce(p.person_id, l.contact_id) AS contact_id,
                  p.contact_id IS NOT NULL AND p.person_id IS NULL AS provisional
             FROM unnest($2::bytea[]) AS q (key)
            CROSS JOIN LATERAL (
              SELECT key, contact_id FROM ingest.link WHERE organization_id = $1 AND key = q.key LIMIT 1) l
             LEFT JOIN LATERAL (
              SELECT contact_id, person_id FROM ingest.provisional
               WHERE organization_id = $1 AND contact_id = l.contact_id LIMIT 1) p ON true`,
    values: [organizationId, keys.map(bytesOf)],
  });
  return new Map(
    rows.map(({ key, contact_id, provisional }) => [
      key.toString('hex'),
      { contactId: contact_id, provisional },
    ]),
  );
}

/** Keys are inserted in one order, so that two batches never wait for each other in a circle. */
async function insertLinks(
  tx: Queryable,
  organizationId: string,
  links: readonly Link[],
  now: Date,
): Promise<void> {
  await tx.query({
    name: 'ingest.insert_links',
    text: `INSERT INTO ingest.link (organization_id, key, contact_id, at)
           SELECT $1, q.key, q.contact_id, $4 FROM unnest($2::bytea[], $3::uuid[]) AS q (key, contact_id) ORDER BY q.key
           ON CONFLICT DO NOTHING`,
    values: [organizationId, ...columnsOf(links), now],
  });
}

const columnsOf = (links: readonly Link[]): [Buffer[], string[]] => [
  links.map(({ key }) => bytesOf(key)),
  links.map(({ contactId }) => contactId),
];

/**
 * Provisional contacts behind these keys get their person, once: the row is locked and then looked at again, so that of two requests that
 * know different people one is right and the other finds it decided.
 */
async function movePersons(
  tx: Queryable,
  organizationId: string,
  {
    links,
    byHand,
    now,
  }: { readonly links: readonly Link[]; readonly byHand: ReadonlyMap<string, string>; readonly now: Date },
): Promise<boolean> {
  const [keys, persons] = columnsOf(links);
  await tx.query({
    name: 'ingest.lock_provisionals',
    text: `SELECT p.contact_id FROM ingest.provisional p
            WHERE p.organization_id = $1 AND p.contact_id IN (
                    SELECT l.contact_id FROM ingest.link l WHERE l.organization_id = $1 AND l.key = ANY ($2::bytea[]))
            ORDER BY p.contact_id FOR UPDATE`,
    values: [organizationId, keys],
  });
  const { rowCount } = await tx.query({
    name: 'ingest.identify',
    text: `WITH told AS (
             SELECT DISTINCT ON (l.contact_id) l.contact_id, q.person_id
               FROM unnest($2::bytea[], $3::uuid[]) AS q (key, person_id)
               JOIN ingest.link l ON l.organization_id = $1 AND l.key = q.key
              WHERE l.contact_id <> q.person_id
              ORDER BY l.contact_id, q.person_id)
           UPDATE ingest.provisional p SET person_id = coalesce(made.person_id, told.person_id), identified_at = $4
             FROM told
             LEFT JOIN unnest($5::uuid[], $6::uuid[]) AS made (contact_id, person_id) ON made.contact_id = told.contact_id
            WHERE p.organization_id = $1 AND p.contact_id = told.contact_id AND p.person_id IS NULL`,
    values: [organizationId, keys, persons, now, [...byHand.keys()], [...byHand.values()]],
  });
  return rowCount > 0;
}

async function lockIdentified(tx: Queryable, limit: number): Promise<Identified[]> {
  const { rows } = await tx.query<{ organization_id: string; contact_id: string; person_id: string }>({
    name: 'ingest.identified',
    text: `SELECT organization_id, contact_id, person_id FROM ingest.provisional
            WHERE person_id IS NOT NULL AND merged_at IS NULL
            ORDER BY identified_at LIMIT $1 FOR UPDATE SKIP LOCKED`,
    values: [limit],
  });
  return rows.map(({ organization_id, contact_id, person_id }) => ({
    organizationId: organization_id,
    provisionalId: contact_id,
    personId: person_id,
  }));
}

/** Forgets up to `limit` links of before `before`; gives how many. */
export async function purgeLinks(database: Database, before: Date, limit: number): Promise<number> {
  const { rowCount } = await database.query({
    text: `DELETE FROM ingest.link WHERE ctid = ANY (ARRAY (
             SELECT ctid FROM ingest.link WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED))`,
    values: [before, limit],
  });
  return rowCount;
}

/** Those who became somebody before `before`. The directory follows their ids without this. */
export async function purgeMerged(database: Database, before: Date, limit: number): Promise<number> {
  const { rowCount } = await database.query({
    text: `DELETE FROM ingest.provisional WHERE ctid = ANY (ARRAY (
             SELECT ctid FROM ingest.provisional WHERE merged_at < $1 ORDER BY merged_at LIMIT $2 FOR UPDATE SKIP LOCKED))`,
    values: [before, limit],
  });
  return rowCount;
}
