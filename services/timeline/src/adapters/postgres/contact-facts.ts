import { uuidv7 } from '@trackline/kernel';
import { isDataFault, type Database, type Queryable } from '@trackline/postgres';
import type { ContactFact, ContactFactWriter, ContactReader } from '../../ports.ts';
import {
  enterAttribution,
  loadFamilies,
  lockFamilies,
  refKey,
  type ContactRef,
  type LockedFamily,
} from './attribution/attribution-lock.ts';
import { organizationsOf, untilUncontended, withFamilies } from './attribution/attribution-writes.ts';
import type { EditionBook } from './attribution/edition-book.ts';
import { loadOrdersWithin } from './attribution/order-facts.ts';
import { applyDeltas } from './attribution/rollups.ts';
import { settleOrders } from './attribution/settle-orders.ts';
import { findCulprit } from './data-fault-search.ts';

/** The first merge of a contact and its first erasure stand: both are for ever. */
const INSERT = `
  WITH fact AS (
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[])
      AS fact (change, organization_id, contact_id, into_contact_id, at)
  ), alias AS (
    INSERT INTO timeline.alias (organization_id, contact_id, into_contact_id, merged_at)
    SELECT organization_id, contact_id, into_contact_id, at FROM fact WHERE change = 'merged'
    ON CONFLICT DO NOTHING RETURNING 1
  ), tombstone AS (
    INSERT INTO timeline.tombstone (organization_id, contact_id, erased_at)
    SELECT organization_id, contact_id, at FROM fact WHERE change = 'erased'
    ON CONFLICT DO NOTHING RETURNING 1
  )
  SELECT (SELECT count(*) FROM alias) + (SELECT count(*) FROM tombstone) AS written
`;

async function insert(tx: Queryable, facts: readonly ContactFact[]): Promise<number> {
  const { rows } = await tx.query<{ written: number }>({
    name: 'timeline-insert-contact-facts',
    text: INSERT,
    values: [
      facts.map((fact) => fact.change),
      facts.map((fact) => fact.organizationId),
      facts.map((fact) => fact.contactId),
      facts.map((fact) => fact.into ?? null),
      facts.map((fact) => new Date(fact.atMs).toISOString()),
    ],
  });
  return rows[0]!.written;
}

/** With the facts, what hangs on them: orders that a merge brings together with conversations, and facts that must forget whose they were. */
export const contactFactWriter = (database: Database, book: EditionBook): ContactFactWriter => ({
  async commit(owner, facts) {
    await book.ensure(organizationsOf(facts));
    try {
      const written = await untilUncontended(database, (tx) => write(tx, book, owner.partition, facts));
      return { kind: 'committed', written };
    } catch (error) {
      if (!isDataFault(error)) throw error;
      // Each try leaves what it wrote: the facts are true and are never written twice.
      const culprit = await findCulprit(facts, async (some) => void (await insert(database, some)));
      if (!culprit) throw error;
      return { kind: 'unstorable', ...culprit };
    }
  },
});

async function write(
  tx: Queryable,
  book: EditionBook,
  shard: number,
  facts: readonly ContactFact[],
): Promise<number> {
  const version = await enterAttribution(tx);
  const merged = facts.flatMap((fact) => (fact.change === 'merged' ? intoRef(fact) : []));
  await lockFamilies(tx, [...facts, ...merged]);
  const written = await insert(tx, facts);
  // The locks of the united families are held already: both ends of each merge were locked.
  const united = await lockFamilies(tx, [...facts, ...merged]);
  // An erasure and the merge before it come over two partitions, and are heard of in any order or at once.
  const toForget = facts
    .map((fact) => ({ fact, family: united.get(refKey(fact))! }))
    .filter(({ fact, family }) => fact.change === 'erased' || family.erased);
  await forgetWhose(
    tx,
    toForget.map(({ family }) => family),
  );
  const after = new Map(merged.map((ref) => [refKey(ref), united.get(refKey(ref))!]));
  const orders = await loadOrdersWithin(
    tx,
    [...after.values()].flatMap(({ organizationId, members }) =>
      members.map((contactId) => ({ organizationId, contactId, ...ALWAYS, allMeta: false })),
    ),
  );
  const editions = await book.at(tx, version, organizationsOf(merged));
  const deltas = await settleOrders(tx, withFamilies(orders, after), editions.of);
  await applyDeltas(tx, shard, { conversations: [], orders: deltas });
  return written;
}

const intoRef = ({ organizationId, into }: ContactFact): ContactRef[] =>
  into === undefined ? [] : [{ organizationId, contactId: into }];

/** All that a timeline can hold. */
const ALWAYS = { fromMs: 0, toMs: Date.UTC(2200, 0) };

const FORGET = `
  WITH forgotten AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS forgotten (organization_id, contact_id, nobody)
  ), messages AS (
    UPDATE timeline.conversation AS held SET contact_id = forgotten.nobody
    FROM forgotten WHERE held.contact_id = forgotten.contact_id AND held.organization_id = forgotten.organization_id
  )
  UPDATE timeline.order_fact AS held SET contact_id = forgotten.nobody
  FROM forgotten WHERE held.contact_id = forgotten.contact_id AND held.organization_id = forgotten.organization_id
`;

/** An erased contact's facts go on under an id that nobody has: the figures stay, and can be made again, without saying whose they are. */
async function forgetWhose(tx: Queryable, families: readonly LockedFamily[]): Promise<void> {
  if (families.length === 0) return;
  const once = new Map(families.map((family) => [refKey({ ...family, contactId: family.top }), family]));
  const rows = [...once.values()].flatMap(({ organizationId, members }) => {
    const nobody = uuidv7();
    return members.map((contactId) => ({ organizationId, contactId, nobody }));
  });
  await tx.query({
    text: FORGET,
    values: [
      rows.map((row) => row.organizationId),
      rows.map((row) => row.contactId),
      rows.map((row) => row.nobody),
    ],
  });
}

export const contactReader = (database: Database): ContactReader => ({
  async family(organizationId, contactId) {
    const [family] = await loadFamilies(database, [{ organizationId, contactId }]);
    const { top: id, members, erased } = family!;
    return { id, members, erased };
  },

  async aliases(organizationId, contactIds) {
    const families = await loadFamilies(
      database,
      contactIds.map((contactId) => ({ organizationId, contactId })),
    );
    return new Map(families.flatMap(({ asked, top }) => (asked === top ? [] : [[asked, top] as const])));
  },
});
