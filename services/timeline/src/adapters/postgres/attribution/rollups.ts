import type { Queryable } from '@trackline/postgres';
import type { ConversationDelta, OrderDelta } from '../../../domain/figures.ts';

/** Sums of one key are spread over so many rows; a partition always writes into the same one. */
export const SHARDS = 8;
/** Of a writer that has no partition, and there is one of them at a time. Any would do: only the sum of all shards means something. */
export const WRITER_SHARD = 0;

export interface Deltas {
  readonly conversations: readonly ConversationDelta[];
  readonly orders: readonly OrderDelta[];
}

/** Rows are written in the order of their keys, the last statements of a transaction: nobody waits in a circle, and not for long. */
export async function applyDeltas(tx: Queryable, shard: number, deltas: Deltas): Promise<void> {
  await applyConversations(tx, shard % SHARDS, deltas.conversations);
  await applyOrders(tx, shard % SHARDS, deltas.orders);
}

const CONVERSATIONS = `
  INSERT INTO timeline.conversation_rollup AS held
    (organization_id, day, campaign_type, campaign_id, shard, sent, delivered, read, conversations)
  SELECT organization_id, day, campaign_type, campaign_id, $9, sum(sent), sum(delivered), sum(read), sum(conversations)
  FROM unnest($1::uuid[], $2::date[], $3::text[], $4::text[], $5::int[], $6::int[], $7::int[], $8::int[])
    AS delta (organization_id, day, campaign_type, campaign_id, sent, delivered, read, conversations)
  GROUP BY 1, 2, 3, 4
  HAVING sum(sent) <> 0 OR sum(delivered) <> 0 OR sum(read) <> 0 OR sum(conversations) <> 0
  ORDER BY 1, 2, 3, 4
  ON CONFLICT (organization_id, day, campaign_type, campaign_id, shard) DO UPDATE SET
    sent = held.sent + excluded.sent, delivered = held.delivered + excluded.delivered,
    read = held.read + excluded.read, conversations = held.conversations + excluded.conversations
`;

async function applyConversations(
  tx: Queryable,
  shard: number,
  deltas: readonly ConversationDelta[],
): Promise<void> {
  if (deltas.length === 0) return;
  await tx.query({
    name: 'timeline-apply-conversation-deltas',
    text: CONVERSATIONS,
    values: [
      deltas.map((delta) => delta.organizationId),
      deltas.map((delta) => delta.day),
      deltas.map((delta) => delta.campaignType),
      deltas.map((delta) => delta.campaignId),
      deltas.map((delta) => delta.sent),
      deltas.map((delta) => delta.delivered),
      deltas.map((delta) => delta.read),
      deltas.map((delta) => delta.conversations),
      shard,
    ],
  });
}

const ORDERS = `
  INSERT INTO timeline.order_rollup AS held
    (organization_id, edition, day, campaign_type, campaign_id, currency, shard, orders, conversions, revenue, meta_leads, meta_purchases, meta_revenue)
  SELECT organization_id, edition, day, campaign_type, campaign_id, currency, $14,
    sum(orders), sum(conversions), sum(sign * revenue), sum(meta_leads), sum(meta_purchases), sum(sign * meta_revenue)
  FROM unnest($1::uuid[], $2::int[], $3::date[], $4::text[], $5::text[], $6::text[], $7::int[], $8::int[], $9::numeric[], $10::int[], $11::int[], $12::numeric[], $13::int[])
    AS delta (organization_id, edition, day, campaign_type, campaign_id, currency, orders, conversions, revenue, meta_leads, meta_purchases, meta_revenue, sign)
  GROUP BY 1, 2, 3, 4, 5, 6
  HAVING sum(orders) <> 0 OR sum(conversions) <> 0 OR sum(sign * revenue) <> 0
    OR sum(meta_leads) <> 0 OR sum(meta_purchases) <> 0 OR sum(sign * meta_revenue) <> 0
  ORDER BY 1, 2, 3, 4, 5, 6
  ON CONFLICT (organization_id, edition, day, campaign_type, campaign_id, currency, shard) DO UPDATE SET
    orders = held.orders + excluded.orders, conversions = held.conversions + excluded.conversions,
    revenue = held.revenue + excluded.revenue, meta_leads = held.meta_leads + excluded.meta_leads,
    meta_purchases = held.meta_purchases + excluded.meta_purchases, meta_revenue = held.meta_revenue + excluded.meta_revenue
`;

async function applyOrders(tx: Queryable, shard: number, deltas: readonly OrderDelta[]): Promise<void> {
  if (deltas.length === 0) return;
  await tx.query({
    name: 'timeline-apply-order-deltas',
    text: ORDERS,
    values: [
      deltas.map((delta) => delta.organizationId),
      deltas.map((delta) => delta.edition),
      deltas.map((delta) => delta.day),
      deltas.map((delta) => delta.campaignType),
      deltas.map((delta) => delta.campaignId),
      deltas.map((delta) => delta.currency),
      deltas.map((delta) => delta.orders),
      deltas.map((delta) => delta.conversions),
      deltas.map((delta) => delta.revenue),
      deltas.map((delta) => delta.metaLeads),
      deltas.map((delta) => delta.metaPurchases),
      deltas.map((delta) => delta.metaRevenue),
      deltas.map((delta) => delta.sign),
      shard,
    ],
  });
}
