import type { JudgedEvent } from '@trackline/contracts';
import type { Queryable } from '@trackline/postgres';
import { META_EVENT_NAMES } from '../../../domain/meta-event.ts';
import { toOrderFact, type OrderFact, type SaidOrder } from '../../../domain/order-fact.ts';

/*
 * Rows are looked up by arrays of keys in LATERAL subqueries that the planner cannot turn into a join (LIMIT, OFFSET 0): a statement that is prepared
 * while the table is small would otherwise read all of it for ever, each time.
 */

/** What the properties say, as text: `->>` gives numbers exactly as their JSON had them. */
export const SAID_COLUMNS = `
  properties->>'value' AS value, properties->>'amount' AS amount, properties->>'total' AS total, properties->>'order_total' AS order_total,
  properties->>'currency' AS currency, properties->>'message_id' AS message_id, properties->>'ctwa_clid' AS ctwa_clid
`;

export interface SaidRow {
  value: string | null;
  amount: string | null;
  total: string | null;
  order_total: string | null;
  currency: string | null;
  message_id: string | null;
  ctwa_clid: string | null;
}

export const saidFromRow = (row: SaidRow): SaidOrder => ({
  value: row.value,
  amount: row.amount,
  total: row.total,
  orderTotal: row.order_total,
  currency: row.currency,
  messageId: row.message_id,
  ctwaClid: row.ctwa_clid,
});

/** Events that may be orders, with what their properties say read by the database: JavaScript would round their numbers. */
export async function readOrderFacts(tx: Queryable, events: readonly JudgedEvent[]): Promise<OrderFact[]> {
  const { rows } = await tx.query<SaidRow>({
    name: 'timeline-read-said',
    text: `
      SELECT ${SAID_COLUMNS} FROM unnest($1::text[]) WITH ORDINALITY AS event (said, place)
      CROSS JOIN LATERAL (SELECT said::jsonb AS properties) AS parsed ORDER BY place
    `,
    values: [events.map((event) => event.properties.toString())],
  });
  return events.map((event, i) => toOrderFact(event, saidFromRow(rows[i]!)));
}

const FACTS_GIVEN = `
  unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[], $6::numeric[], $7::text[], $8::uuid[], $9::uuid[])
`;
const COLUMNS =
  'organization_id, event_id, contact_id, name, occurred_at, amount, currency, message_key, click_key';

const givenAs = (facts: readonly OrderFact[]): unknown[] => [
  facts.map((fact) => fact.organizationId),
  facts.map((fact) => fact.eventId),
  facts.map((fact) => fact.contactId),
  facts.map((fact) => fact.name),
  facts.map((fact) => new Date(fact.occurredAtMs).toISOString()),
  facts.map((fact) => fact.amount),
  facts.map((fact) => fact.currency),
  facts.map((fact) => fact.messageKey),
  facts.map((fact) => fact.clickKey),
];

/** The first fact of an event stands. */
export async function insertOrderFacts(tx: Queryable, facts: readonly OrderFact[]): Promise<void> {
  if (facts.length === 0) return;
  await tx.query({
    name: 'timeline-insert-order-facts',
    text: `INSERT INTO timeline.order_fact (${COLUMNS}) SELECT * FROM ${FACTS_GIVEN} ON CONFLICT DO NOTHING`,
    values: givenAs(facts),
  });
}

/** In the place of what there is of their events. */
export async function putOrderFacts(tx: Queryable, facts: readonly OrderFact[]): Promise<void> {
  if (facts.length === 0) return;
  await tx.query({
    text: `
      INSERT INTO timeline.order_fact (${COLUMNS}) SELECT * FROM ${FACTS_GIVEN}
      ON CONFLICT (organization_id, event_id) DO UPDATE SET contact_id = excluded.contact_id, name = excluded.name,
        occurred_at = excluded.occurred_at, amount = excluded.amount, currency = excluded.currency,
        message_key = excluded.message_key, click_key = excluded.click_key
    `,
    values: givenAs(facts),
  });
}

export async function removeOrderFacts(
  tx: Queryable,
  organizationId: string,
  eventIds: readonly string[],
): Promise<void> {
  if (eventIds.length === 0) return;
  await tx.query({
    text: 'DELETE FROM timeline.order_fact WHERE organization_id = $1 AND event_id = ANY($2::uuid[])',
    values: [organizationId, eventIds],
  });
}

/** Those that are not put down, or not so. */
export async function differingFacts(tx: Queryable, facts: readonly OrderFact[]): Promise<OrderFact[]> {
  if (facts.length === 0) return [];
  const { rows } = await tx.query<{ place: number }>({
    text: `
      SELECT said.place::int AS place FROM ${FACTS_GIVEN} WITH ORDINALITY AS said (${COLUMNS}, place)
      LEFT JOIN LATERAL (
        SELECT * FROM timeline.order_fact AS one
        WHERE one.organization_id = said.organization_id AND one.event_id = said.event_id LIMIT 1
      ) AS held ON true
      WHERE ROW(held.contact_id, held.name, held.occurred_at, held.amount, held.currency, held.message_key, held.click_key)
        IS DISTINCT FROM ROW(said.contact_id, said.name, said.occurred_at, said.amount, said.currency, said.message_key, said.click_key)
      ORDER BY place
    `,
    values: givenAs(facts),
  });
  return rows.map(({ place }) => facts[place - 1]!);
}

export interface OrderFactRow {
  organization_id: string;
  event_id: string;
  contact_id: string;
  name: string;
  occurred_at: Date;
  amount: string | null;
  currency: string | null;
  message_key: string | null;
  click_key: string | null;
}

export const ORDER_FACT_COLUMNS = COLUMNS.split(', ')
  .map((column) => `fact.${column}`)
  .join(', ');

export const orderFactFromRow = (row: OrderFactRow): OrderFact => ({
  organizationId: row.organization_id,
  eventId: row.event_id,
  contactId: row.contact_id,
  name: row.name,
  occurredAtMs: row.occurred_at.getTime(),
  amount: row.amount,
  currency: row.currency,
  messageKey: row.message_key,
  clickKey: row.click_key,
});

/** Those that are there, as they were put down first. */
export async function loadOrderFacts(
  tx: Queryable,
  wanted: readonly { readonly organizationId: string; readonly eventId: string }[],
): Promise<OrderFact[]> {
  if (wanted.length === 0) return [];
  const { rows } = await tx.query<OrderFactRow>({
    name: 'timeline-order-facts',
    text: `
      SELECT DISTINCT ${ORDER_FACT_COLUMNS} FROM unnest($1::uuid[], $2::uuid[]) AS wanted (organization_id, event_id)
      CROSS JOIN LATERAL (
        SELECT * FROM timeline.order_fact AS one
        WHERE one.organization_id = wanted.organization_id AND one.event_id = wanted.event_id LIMIT 1
      ) AS fact
    `,
    values: [wanted.map((one) => one.organizationId), wanted.map((one) => one.eventId)],
  });
  return rows.map(orderFactFromRow);
}

/** A stretch of a contact's orders; `allMeta`: and all of Meta's events of the contact, whenever they were. */
export interface OrderStretch {
  readonly organizationId: string;
  readonly contactId: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly allMeta: boolean;
}

/** Contacts are looked up by the index of contacts: said so, no other can be taken for it (see the migration). */
const OF_ORGANIZATION = 'one.organization_id IS NOT DISTINCT FROM stretch.organization_id';

/** Both bounds inside, each fact once. */
export async function loadOrdersWithin(
  tx: Queryable,
  stretches: readonly OrderStretch[],
): Promise<OrderFact[]> {
  if (stretches.length === 0) return [];
  const { rows } = await tx.query<OrderFactRow>({
    name: 'timeline-orders-within',
    text: `
      SELECT DISTINCT ${ORDER_FACT_COLUMNS}
      FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::boolean[])
        AS stretch (organization_id, contact_id, since, until, all_meta)
      CROSS JOIN LATERAL (
        SELECT * FROM timeline.order_fact AS one
        WHERE one.contact_id = stretch.contact_id AND ${OF_ORGANIZATION}
          AND one.occurred_at BETWEEN stretch.since AND stretch.until
        UNION
        SELECT * FROM timeline.order_fact AS one
        WHERE stretch.all_meta AND one.contact_id = stretch.contact_id AND ${OF_ORGANIZATION} AND one.name = ANY($6)
        OFFSET 0
      ) AS fact
    `,
    values: [
      stretches.map((one) => one.organizationId),
      stretches.map((one) => one.contactId),
      stretches.map((one) => new Date(one.fromMs).toISOString()),
      stretches.map((one) => new Date(one.toMs).toISOString()),
      stretches.map((one) => one.allMeta),
      META_EVENT_NAMES,
    ],
  });
  return rows.map(orderFactFromRow);
}
