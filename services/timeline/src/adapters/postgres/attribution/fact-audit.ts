import type { Database, Queryable } from '@trackline/postgres';
import { isOrderFact, type Edition } from '../../../domain/edition.ts';
import { dayOf } from '../../../domain/figures.ts';
import type { OrderFact } from '../../../domain/order-fact.ts';
import type { AuditedStretch, Difference } from '../../../ports.ts';
import { enterAttribution, lockFamilies, loadFamilies, refKey } from './attribution-lock.ts';
import { untilUncontended, withFamilies } from './attribution-writes.ts';
import { currentEdition, type EditionBook } from './edition-book.ts';
import { FIRST_ID, loadSaidOrders, lookForOrders, type EventPlace } from './order-events.ts';
import { differingFacts, loadOrderFacts, putOrderFacts, removeOrderFacts } from './order-facts.ts';
import { applyDeltas, WRITER_SHARD } from './rollups.ts';
import { dropUnfounded, settleOrders } from './settle-orders.ts';

/** Facts that are looked up on the timeline in one statement, and mended in one transaction. */
const LOOKED_UP = 1_000;
const MENDED_AT_ONCE = 100;

/** An order that is not put down as the timeline has it: `said` is missing where it has no such event, `held` where there is no such fact. */
interface WrongFact {
  readonly eventId: string;
  readonly said: OrderFact | undefined;
  readonly held: OrderFact | undefined;
}

/**
 * Events behind `after` (since `sinceMs`, at first) that are orders by the edition that is read, or Meta's reports, and are not put down as what
 * they say. An event and its fact are put down in one transaction: in one snapshot they agree.
 */
export const auditEvents = inOneSnapshot(async (tx, edition, after, sinceMs) => {
  const from = after === undefined ? { at: new Date(sinceMs), id: FIRST_ID } : placeFromText(after);
  const { facts, last } = await lookForOrders(tx, edition, from);
  const differing = await differingFacts(tx, facts);
  const wrong = await findWrong(
    tx,
    [edition],
    differing.map(({ eventId }) => eventId),
  );
  return { differences: wrong.map(toDifference), next: last && textFromPlace(last) };
});

/** Facts behind `after` (since `sinceMs`) of which the timeline has no such event; those of which it has another one are told with the events. */
export const auditFacts = inOneSnapshot(async (tx, edition, after, sinceMs) => {
  const { rows } = await tx.query<{ event_id: string; is_known: boolean | null }>({
    text: `
      WITH looked AS (
        SELECT event_id, name, occurred_at FROM timeline.order_fact
        WHERE organization_id = $1 AND event_id > $2 AND occurred_at >= $3 ORDER BY event_id LIMIT ${LOOKED_UP}
      )
      SELECT looked.event_id, known.is_known FROM looked LEFT JOIN LATERAL (
        SELECT true AS is_known FROM timeline.event AS one
        WHERE one.id = looked.event_id AND one.occurred_at = looked.occurred_at AND one.organization_id = $1 AND one.name = looked.name LIMIT 1
      ) AS known ON true ORDER BY looked.event_id
    `,
    values: [edition.organizationId, after ?? FIRST_ID, new Date(sinceMs).toISOString()],
  });
  const unknown = rows.filter((row) => row.is_known === null).map((row) => row.event_id);
  const wrong = await findWrong(tx, [edition], unknown);
  const unsaid = wrong.filter(({ said }) => said === undefined || !isOrderFact([edition], said.name));
  return {
    differences: unsaid.map(toDifference),
    next: rows.length < LOOKED_UP ? undefined : rows.at(-1)!.event_id,
  };
});

/** Looks at a stretch of an organisation by the edition that is read; where there is none, nothing is an order. */
function inOneSnapshot(
  look: (
    tx: Queryable,
    edition: Edition,
    after: string | undefined,
    sinceMs: number,
  ) => Promise<AuditedStretch>,
) {
  return (
    database: Database,
    organizationId: string,
    after: string | undefined,
    sinceMs: number,
  ): Promise<AuditedStretch> =>
    database.transaction(async (tx) => {
      await tx.query({ text: 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY' });
      const edition = await currentEdition(tx, organizationId);
      return edition ? look(tx, edition, after, sinceMs) : { differences: [], next: undefined };
    });
}

const textFromPlace = ({ at, id }: EventPlace): string => `${at.toISOString()}/${id}`;
const placeFromText = (text: string): EventPlace => {
  const [at = '', id = ''] = text.split('/');
  return { at: new Date(at), id };
};

/**
 * Of these events, those that are not put down as they should be. A contact that was erased leaves facts of nobody, or none. An event that its client
 * named may be on the timeline several times: the fact is of one of them.
 */
async function findWrong(
  tx: Queryable,
  editions: readonly Edition[],
  eventIds: readonly string[],
): Promise<WrongFact[]> {
  const organizationId = editions[0]?.organizationId;
  if (organizationId === undefined || eventIds.length === 0) return [];
  const ids = [...new Set(eventIds)];
  const events = await loadSaidOrders(tx, organizationId, ids);
  const stored = await loadOrderFacts(
    tx,
    ids.map((eventId) => ({ organizationId, eventId })),
  );
  const heldOf = new Map(stored.map((fact) => [fact.eventId, fact]));
  const erased = await erasedAmong(tx, events);
  const isErased = (fact: OrderFact): boolean => erased.has(refKey(fact));
  // Under whoever's id the facts of an erased contact go on, they keep it.
  const expected = events.map((fact) =>
    isErased(fact) ? { ...fact, contactId: heldOf.get(fact.eventId)?.contactId ?? fact.contactId } : fact,
  );
  const differing = new Set(await differingFacts(tx, expected));
  const right = new Set(expected.filter((fact) => !differing.has(fact)).map(({ eventId }) => eventId));
  return ids.flatMap((eventId) => {
    if (right.has(eventId)) return [];
    const held = heldOf.get(eventId);
    const isWanted = ({ name }: OrderFact): boolean => held !== undefined || isOrderFact(editions, name);
    const said = expected.find((fact) => fact.eventId === eventId && isWanted(fact));
    const isMissing = said !== undefined && held === undefined;
    if (isMissing && events.some((fact) => fact.eventId === eventId && isErased(fact))) return [];
    return said === undefined && held === undefined ? [] : [{ eventId, said, held }];
  });
}

async function erasedAmong(tx: Queryable, facts: readonly OrderFact[]): Promise<ReadonlySet<string>> {
  if (facts.length === 0) return new Set();
  const families = await loadFamilies(tx, facts);
  return new Set(
    families
      .filter((family) => family.erased)
      .map(({ organizationId, asked }) => refKey({ organizationId, contactId: asked })),
  );
}

const toDifference = ({ eventId, said, held }: WrongFact): Difference => ({
  day: dayOf((said ?? held)!.occurredAtMs),
  place: eventId,
  figure: 'fact',
  facts: said ? shown(said) : 'none',
  held: held ? shown(held) : 'none',
});

/** `order, 49.90 EUR, of 0199f3c2-…, 2026-11-20T…` */
const shown = ({
  name,
  amount,
  currency,
  contactId,
  occurredAtMs,
  messageKey,
  clickKey,
}: OrderFact): string =>
  [
    name,
    ...(amount === null ? [] : [[amount, currency].filter(Boolean).join(' ')]),
    `of ${contactId}`,
    ...(messageKey === null ? [] : [`message ${messageKey}`]),
    ...(clickKey === null ? [] : [`click ${clickKey}`]),
    new Date(occurredAtMs).toISOString(),
  ].join(', ');

/** Under the locks of their contacts, some at a time; attributions and sums move with the facts. */
export async function mendFacts(
  database: Database,
  book: EditionBook,
  organizationId: string,
  differences: readonly Difference[],
): Promise<void> {
  const ids = [...new Set(differences.map(({ place }) => place))];
  for (let at = 0; at < ids.length; at += MENDED_AT_ONCE) {
    const some = ids.slice(at, at + MENDED_AT_ONCE);
    await untilUncontended(database, (tx) => mendSome(tx, book, organizationId, some));
  }
}

async function mendSome(
  tx: Queryable,
  book: EditionBook,
  organizationId: string,
  eventIds: readonly string[],
): Promise<void> {
  const version = await enterAttribution(tx);
  const editions = (await book.at(tx, version, new Set([organizationId]))).of(organizationId);
  const both = (wrong: readonly WrongFact[]): OrderFact[] =>
    wrong.flatMap(({ said, held }) => [said, held].filter((fact) => fact !== undefined));
  // Whose they are is known by looking; what is wrong, by looking again with the locks held.
  const first = await lockFamilies(tx, both(await findWrong(tx, editions, eventIds)));
  const wrong = await findWrong(tx, editions, eventIds);
  const families = new Map([...first, ...(await lockFamilies(tx, both(wrong)))]);
  const put = wrong.flatMap(({ said }) => said ?? []);
  await removeOrderFacts(
    tx,
    organizationId,
    wrong.filter(({ said }) => said === undefined).map(({ eventId }) => eventId),
  );
  await putOrderFacts(tx, put);
  const orders = withFamilies(await loadOrderFacts(tx, put), families);
  const settled = await settleOrders(tx, orders, () => editions);
  const mended = wrong.map(({ eventId }) => eventId);
  const dropped = await dropUnfounded(tx, editions, mended);
  await applyDeltas(tx, WRITER_SHARD, { conversations: [], orders: [...settled, ...dropped] });
}
