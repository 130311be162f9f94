import type { CampaignType } from '@trackline/contracts';
import type { Queryable } from '@trackline/postgres';
import { attribute, type Touch } from '../../../domain/attribution.ts';
import type { Edition } from '../../../domain/edition.ts';
import {
  counts,
  orderDeltas,
  sameAttribution,
  type AttributedOrder,
  type OrderDelta,
} from '../../../domain/figures.ts';
import { ORGANIC } from '../../../domain/message-fact.ts';
import { adOf, META_EVENT_NAMES, metaKindOf, type AdTraces } from '../../../domain/meta-event.ts';
import type { OrderFact } from '../../../domain/order-fact.ts';
import { NO_CURRENCY } from '../../../domain/revenue.ts';
import { loadAdTraces, loadEarningTouches, type AttributionTask } from './touch-reader.ts';

/** An order with all ids of its contact, which is locked. */
export interface FamilyOrder {
  readonly fact: OrderFact;
  readonly members: readonly string[];
}

interface EditionTask extends AttributionTask {
  readonly edition: number;
  readonly counted: boolean;
}

/** Orders that are attributed with one set of statements. */
const CHUNK = 500;
const DAY_MS = 86_400_000;

/**
 * Attributes the orders anew in each of the editions, puts down what has changed, and gives the changes of the sums. Doing it again changes nothing,
 * and as the contacts are locked it does not matter who does it last.
 */
export async function settleOrders(
  tx: Queryable,
  orders: readonly FamilyOrder[],
  editionsOf: (organizationId: string) => readonly Edition[],
): Promise<OrderDelta[]> {
  const deltas: OrderDelta[] = [];
  for (let at = 0; at < orders.length; at += CHUNK) {
    deltas.push(...(await settleChunk(tx, orders.slice(at, at + CHUNK), editionsOf)));
  }
  return deltas;
}

async function settleChunk(
  tx: Queryable,
  orders: readonly FamilyOrder[],
  editionsOf: (organizationId: string) => readonly Edition[],
): Promise<OrderDelta[]> {
  const changes = await compareAttributed(tx, orders, editionsOf);
  await writeAttributed(
    tx,
    changes.map(({ after }) => after),
  );
  return changes.flatMap(({ before, after }) => orderDeltas(before, after));
}

/** How an order stands attributed, if it does at all, and how the facts say that it should be. */
export interface AttributionChange {
  readonly before: AttributedOrder | undefined;
  readonly after: AttributedOrder;
}

/** Those of the orders that are not attributed as their facts say, in each of the editions. Writes nothing. */
export async function compareAttributed(
  tx: Queryable,
  orders: readonly FamilyOrder[],
  editionsOf: (organizationId: string) => readonly Edition[],
): Promise<AttributionChange[]> {
  const derived = await deriveAttributed(tx, orders, editionsOf);
  const held = await loadAttributed(tx, derived);
  return derived.flatMap((after) => {
    const before = held.get(attributedKey(after));
    return before !== undefined && sameAttribution(before, after) ? [] : [{ before, after }];
  });
}

async function deriveAttributed(
  tx: Queryable,
  orders: readonly FamilyOrder[],
  editionsOf: (organizationId: string) => readonly Edition[],
): Promise<AttributedOrder[]> {
  const caused = await loadCaused(
    tx,
    orders.map(({ fact }) => fact),
  );
  const tasks = orders.flatMap(({ fact, members }) =>
    editionsOf(fact.organizationId).map(({ edition, settings }): EditionTask => ({
      fact,
      members,
      settings,
      edition,
      counted: settings.orderEventNames.includes(fact.name),
      causedExecutions: caused.get(fact.eventId) ?? NONE,
    })),
  );
  const counted = tasks.filter((task) => task.counted);
  const touches = new Map<EditionTask, Touch[]>();
  (await loadEarningTouches(tx, counted)).forEach((found, i) => touches.set(counted[i]!, found));
  const metas = tasks.filter(({ fact }) => metaKindOf(fact.name) !== undefined);
  const traces = new Map<EditionTask, AdTraces>();
  (await loadAdTraces(tx, metas)).forEach((found, i) => traces.set(metas[i]!, found));
  return tasks
    .map((task) => toAttributed(task, touches.get(task) ?? [], traces.get(task) ?? {}))
    .filter(counts);
}

const NONE: ReadonlySet<string> = new Set();

/**
 * Executions that the events started: one that an order resumed was there before it, and what it had sent may have earned the order.
 * Without a name: planned with its values, the statement looks at the months that it needs.
 */
export async function loadCaused(
  tx: Queryable,
  facts: readonly OrderFact[],
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const caused = new Map<string, Set<string>>();
  if (facts.length === 0) return caused;
  const sinceMs = Math.min(...facts.map((fact) => fact.occurredAtMs)) - DAY_MS;
  const { rows } = await tx.query<{ event_id: string; execution_id: string }>({
    text: `
      SELECT event_id, execution_id FROM timeline.execution_effect
      WHERE event_id = ANY($1::uuid[]) AND effect = 'started' AND happened_at >= $2
    `,
    values: [facts.map((fact) => fact.eventId), new Date(sinceMs)],
  });
  for (const row of rows) {
    caused.set(row.event_id, (caused.get(row.event_id) ?? new Set()).add(row.execution_id));
  }
  return caused;
}

function toAttributed(task: EditionTask, touches: readonly Touch[], traces: AdTraces): AttributedOrder {
  const { fact, edition, settings, counted } = task;
  const meta = metaKindOf(fact.name) ?? null;
  const verdict = counted
    ? attribute(touches, { atMs: fact.occurredAtMs, causedExecutions: task.causedExecutions }, settings)
    : undefined;
  const touch = verdict?.conversion ? verdict.touch : undefined;
  return {
    organizationId: fact.organizationId,
    edition,
    eventId: fact.eventId,
    occurredAtMs: fact.occurredAtMs,
    counted,
    converted: touch !== undefined,
    campaignType: touch?.campaign.type ?? ORGANIC.type,
    campaignId: touch?.campaign.id ?? ORGANIC.id,
    conversationAtMs: touch?.atMs ?? null,
    amount: fact.amount,
    currency: fact.amount === null ? null : (fact.currency ?? settings.defaultCurrency ?? NO_CURRENCY),
    meta,
    adId: meta === null ? null : adOf(fact.clickKey !== null, traces),
  };
}

export interface AttributedRow {
  organization_id: string;
  edition: number;
  event_id: string;
  occurred_at: Date;
  counted: boolean;
  converted: boolean;
  campaign_type: CampaignType;
  campaign_id: string;
  conversation_at: Date | null;
  amount: string | null;
  currency: string | null;
  meta: AttributedOrder['meta'];
  ad_id: string | null;
}

export const attributedFromRow = (row: AttributedRow): AttributedOrder => ({
  organizationId: row.organization_id,
  edition: row.edition,
  eventId: row.event_id,
  occurredAtMs: row.occurred_at.getTime(),
  counted: row.counted,
  converted: row.converted,
  campaignType: row.campaign_type,
  campaignId: row.campaign_id,
  conversationAtMs: row.conversation_at?.getTime() ?? null,
  amount: row.amount,
  currency: row.currency,
  meta: row.meta,
  adId: row.ad_id,
});

const attributedKey = ({ organizationId, edition, eventId }: AttributedOrder): string =>
  `${organizationId}/${edition}/${eventId}`;

async function loadAttributed(
  tx: Queryable,
  wanted: readonly AttributedOrder[],
): Promise<Map<string, AttributedOrder>> {
  if (wanted.length === 0) return new Map();
  const { rows } = await tx.query<AttributedRow>({
    name: 'timeline-attributed',
    text: `
      SELECT held.* FROM unnest($1::uuid[], $2::int[], $3::uuid[]) AS wanted (organization_id, edition, event_id)
      CROSS JOIN LATERAL (
        SELECT * FROM timeline.attribution AS one
        WHERE one.organization_id = wanted.organization_id AND one.edition = wanted.edition AND one.event_id = wanted.event_id LIMIT 1
      ) AS held
    `,
    values: [
      wanted.map((one) => one.organizationId),
      wanted.map((one) => one.edition),
      wanted.map((one) => one.eventId),
    ],
  });
  return new Map(rows.map(attributedFromRow).map((one) => [attributedKey(one), one]));
}

const WRITE = `
  INSERT INTO timeline.attribution (organization_id, edition, event_id, occurred_at, counted, converted,
    campaign_type, campaign_id, conversation_at, amount, currency, meta, ad_id)
  SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::timestamptz[], $5::boolean[], $6::boolean[],
    $7::text[], $8::text[], $9::timestamptz[], $10::numeric[], $11::text[], $12::text[], $13::text[])
  ON CONFLICT (organization_id, edition, event_id) DO UPDATE SET
    occurred_at = excluded.occurred_at, counted = excluded.counted, converted = excluded.converted,
    campaign_type = excluded.campaign_type, campaign_id = excluded.campaign_id, conversation_at = excluded.conversation_at,
    amount = excluded.amount, currency = excluded.currency, meta = excluded.meta, ad_id = excluded.ad_id
`;

async function writeAttributed(tx: Queryable, orders: readonly AttributedOrder[]): Promise<void> {
  if (orders.length === 0) return;
  await tx.query({
    name: 'timeline-write-attributed',
    text: WRITE,
    values: [
      orders.map((one) => one.organizationId),
      orders.map((one) => one.edition),
      orders.map((one) => one.eventId),
      orders.map((one) => new Date(one.occurredAtMs).toISOString()),
      orders.map((one) => one.counted),
      orders.map((one) => one.converted),
      orders.map((one) => one.campaignType),
      orders.map((one) => one.campaignId),
      orders.map((one) =>
        one.conversationAtMs === null ? null : new Date(one.conversationAtMs).toISOString(),
      ),
      orders.map((one) => one.amount),
      orders.map((one) => one.currency),
      orders.map((one) => one.meta),
      orders.map((one) => one.adId),
    ],
  });
}

/**
 * Takes away how the given events stand attributed where none of them is an order by the edition, or Meta's report: there is no such fact (any more),
 * or it is called otherwise. Gives the changes of the sums.
 */
export async function dropUnfounded(
  tx: Queryable,
  editions: readonly Edition[],
  eventIds: readonly string[],
): Promise<OrderDelta[]> {
  const deltas: OrderDelta[] = [];
  for (const { organizationId, edition, settings } of editions) {
    const { rows } = await tx.query<AttributedRow>({
      text: `
        DELETE FROM timeline.attribution AS held
        WHERE organization_id = $1 AND edition = $2 AND event_id = ANY($3::uuid[]) AND NOT EXISTS (
          SELECT FROM timeline.order_fact AS fact
          WHERE fact.organization_id = held.organization_id AND fact.event_id = held.event_id AND fact.name = ANY($4::text[]))
        RETURNING held.*
      `,
      values: [organizationId, edition, eventIds, [...settings.orderEventNames, ...META_EVENT_NAMES]],
    });
    deltas.push(...rows.map(attributedFromRow).flatMap((held) => orderDeltas(held, undefined)));
  }
  return deltas;
}
