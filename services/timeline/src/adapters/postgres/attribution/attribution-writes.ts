import type { JudgedEvent } from '@trackline/contracts';
import { isContention, type Database, type Queryable, type TransactionOptions } from '@trackline/postgres';
import type { OwnPartition } from '../../../ports.ts';
import {
  Contended,
  enterAttribution,
  lockFamilies,
  refKey,
  type ContactRef,
  type LockedFamilies,
} from './attribution-lock.ts';
import type { EditionBook, LiveEditions } from './edition-book.ts';
import { insertOrderFacts, loadOrderFacts, readOrderFacts } from './order-facts.ts';
import { applyDeltas } from './rollups.ts';
import { settleOrders, type FamilyOrder } from './settle-orders.ts';
import type { OrderFact } from '../../../domain/order-fact.ts';

const MAX_TRIES = 5;

/** Runs a transaction that other writers may get into the way of: rolled back by that, it is harmless to try again at once. */
export async function untilUncontended<Result>(
  database: Database,
  work: (tx: Queryable) => Promise<Result>,
  options?: TransactionOptions,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await database.transaction(work, options);
    } catch (error) {
      const mayTryAgain = error instanceof Contended || isContention(error);
      if (!mayTryAgain || attempt === MAX_TRIES) throw error;
    }
  }
}

export const organizationsOf = (refs: Iterable<{ readonly organizationId: string }>): Set<string> => {
  const ids = new Set<string>();
  let last = '';
  for (const { organizationId } of refs) {
    if (organizationId !== last) ids.add(organizationId);
    last = organizationId;
  }
  return ids;
};

/**
 * With the ids of their contacts: an order may have come under another of them than the one that was locked. Those of contacts that are not locked
 * (erased ones, under another id by now) are left as they are.
 */
export function withFamilies(facts: readonly OrderFact[], families: LockedFamilies): FamilyOrder[] {
  const byMember = new Map(
    [...families.values()].flatMap((family) =>
      family.members.map((contactId) => [refKey({ ...family, contactId }), family] as const),
    ),
  );
  return facts.flatMap((fact) => {
    const family = byMember.get(refKey(fact));
    return family === undefined || family.erased ? [] : [{ fact, members: family.members }];
  });
}

/** Locks contacts and attributes those of the given events that are orders: what may earn them, or not, has changed. */
export async function resettleEvents(
  tx: Queryable,
  book: EditionBook,
  shard: number,
  events: readonly (ContactRef & { readonly eventId: string })[],
): Promise<void> {
  const version = await enterAttribution(tx);
  const families = await lockFamilies(tx, events);
  const editions = await book.at(tx, version, organizationsOf(events));
  const facts = await loadOrderFacts(tx, uniqueEvents(events));
  const orders = await settleOrders(tx, withFamilies(facts, families), editions.of);
  await applyDeltas(tx, shard, { conversations: [], orders });
}

const uniqueEvents = <Event extends { readonly eventId: string }>(events: readonly Event[]): Event[] => [
  ...new Map(events.map((event) => [event.eventId, event])).values(),
];

export interface Entered {
  /** Of the editions: what the transaction read when it entered. */
  readonly version: number;
  readonly organizationIds: ReadonlySet<string>;
}

/** Puts the orders among the events down as such and attributes them; an event that is none costs a look into a map. */
export class OrderRecorder {
  private readonly book: EditionBook;

  constructor(book: EditionBook) {
    this.book = book;
  }

  /** Before the transaction; gives the organisations of the events, for `record`. */
  async ensure(events: readonly JudgedEvent[]): Promise<ReadonlySet<string>> {
    const organizationIds = organizationsOf(events);
    await this.book.ensure(organizationIds);
    return organizationIds;
  }

  /** Inside the transaction that puts the events down. */
  async record(
    tx: Queryable,
    owner: OwnPartition,
    { version, organizationIds }: Entered,
    events: readonly JudgedEvent[],
  ): Promise<void> {
    const editions = await this.book.at(tx, version, organizationIds);
    const orders = uniqueEvents(
      events.filter(({ organizationId, name }) => editions.isOrderFact(organizationId, name)),
    );
    if (orders.length > 0) await recordOrders(tx, owner.partition, editions, orders);
  }
}

async function recordOrders(
  tx: Queryable,
  shard: number,
  editions: LiveEditions,
  orders: readonly JudgedEvent[],
): Promise<void> {
  const families = await lockFamilies(tx, orders);
  const living = orders.filter((order) => !families.get(refKey(order))!.erased);
  if (living.length === 0) return;
  await insertOrderFacts(tx, await readOrderFacts(tx, living));
  const facts = await loadOrderFacts(tx, living);
  const deltas = await settleOrders(tx, withFamilies(facts, families), editions.of);
  await applyDeltas(tx, shard, { conversations: [], orders: deltas });
}
