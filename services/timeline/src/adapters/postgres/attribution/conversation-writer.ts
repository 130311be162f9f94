import type { Database, Queryable } from '@trackline/postgres';
import { HOUR_MS } from '../../../domain/attribution.ts';
import { conversationDeltas } from '../../../domain/figures.ts';
import { fold, sameFact, type MessageFact, type ToldMessage } from '../../../domain/message-fact.ts';
import type { ConversationWriter } from '../../../ports.ts';
import {
  Contended,
  enterAttribution,
  lockFamilies,
  refKey,
  type LockedFamilies,
} from './attribution-lock.ts';
import { organizationsOf, untilUncontended, withFamilies } from './attribution-writes.ts';
import type { EditionBook, LiveEditions } from './edition-book.ts';
import { factKey, insertMessages, loadMessages, nameCampaigns, updateMessages } from './message-facts.ts';
import { loadOrdersWithin, type OrderStretch } from './order-facts.ts';
import { applyDeltas } from './rollups.ts';
import { settleOrders } from './settle-orders.ts';

/**
 * Messages are folded into what is known of them, so a telling that comes again, late or out of order leaves the same behind. Orders that a changed
 * message may earn, or not any more, are attributed anew in the same transaction, and the sums with them.
 */
export const conversationWriter = (database: Database, book: EditionBook): ConversationWriter => ({
  async commit(owner, told) {
    await book.ensure(organizationsOf(told.map(({ fact }) => fact)));
    return untilUncontended(database, (tx) => write(tx, book, owner.partition, told));
  },
});

interface Change {
  readonly before: MessageFact | undefined;
  readonly after: MessageFact;
}

async function write(
  tx: Queryable,
  book: EditionBook,
  shard: number,
  told: readonly ToldMessage[],
): Promise<number> {
  const facts = told.map(({ fact }) => fact);
  const version = await enterAttribution(tx);
  const glimpsed = await loadMessages(tx, facts);
  const families = await lockFamilies(tx, [...facts, ...glimpsed.values()]);
  const living = told.filter(({ fact }) => !families.get(refKey(fact))!.erased);
  if (living.length === 0) return 0;
  const changes = foldAll(
    await loadMessages(tx, facts),
    living.map(({ fact }) => fact),
  );
  // A message that was put down meanwhile may be another contact's, which is not locked.
  if (changes.some(({ before }) => before && !families.has(refKey(before)))) throw new Contended();
  const fresh = changes.flatMap(({ before, after }) => (before ? [] : [after]));
  if ((await insertMessages(tx, fresh)) < fresh.length) throw new Contended();
  await updateMessages(
    tx,
    changes.flatMap(({ before, after }) => (before ? [after] : [])),
  );
  await nameCampaigns(
    tx,
    living.flatMap(({ campaign }) => campaign ?? []),
  );
  const editions = await book.at(tx, version, organizationsOf(facts));
  const affected = await loadOrdersWithin(
    tx,
    changes.flatMap((change) => stretchesOf(change, families, editions)),
  );
  const orders = await settleOrders(tx, withFamilies(affected, families), editions.of);
  const conversations = changes.flatMap(({ before, after }) => conversationDeltas(before, after));
  await applyDeltas(tx, shard, { conversations, orders });
  return changes.length;
}

/** What each message was and is, of those that are not as they were. */
function foldAll(held: ReadonlyMap<string, MessageFact>, told: readonly MessageFact[]): Change[] {
  const now = new Map<string, MessageFact>();
  for (const fact of told) {
    const key = factKey(fact);
    const known = now.get(key) ?? held.get(key);
    now.set(key, known ? fold(known, fact) : fact);
  }
  return [...now].flatMap(([key, after]) => {
    const before = held.get(key);
    return before && sameFact(before, after) ? [] : [{ before, after }];
  });
}

/** The orders that the message can have earned or can earn: from its earliest moment up to the longest window after its latest. */
function stretchesOf(
  { before, after }: Change,
  families: LockedFamilies,
  editions: LiveEditions,
): OrderStretch[] {
  const { organizationId, contactId } = after;
  const windowMs =
    Math.max(...editions.of(organizationId).map(({ settings }) => settings.windowHours)) * HOUR_MS;
  const allMeta = after.campaign.type === 'ad' || before?.campaign.type === 'ad';
  const fromMs = Math.min(after.atMs, before?.atMs ?? after.atMs);
  const toMs = Math.max(after.atMs, before?.atMs ?? after.atMs) + windowMs;
  return families
    .get(refKey({ organizationId, contactId }))!
    .members.map((member) => ({ organizationId, contactId: member, fromMs, toMs, allMeta }));
}
