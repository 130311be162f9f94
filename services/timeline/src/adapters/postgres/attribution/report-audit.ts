import type { Database, Queryable } from '@trackline/postgres';
import type { ReportAudit, SumDifference } from '../../../ports.ts';
import { enterAlone } from './attribution-lock.ts';

const DAY = `(occurred_at AT TIME ZONE 'UTC')::date`;

/** What the facts of an organisation ($1) add up to, in the columns of `conversation_rollup`. */
const TALKS = `
  SELECT ${DAY} AS day, campaign_type, campaign_id, count(*) FILTER (WHERE outbound) AS sent,
    count(*) FILTER (WHERE outbound AND stage >= 2) AS delivered, count(*) FILTER (WHERE outbound AND stage >= 3) AS read,
    count(*) AS conversations
  FROM timeline.conversation WHERE organization_id = $1 AND weight > 0 GROUP BY 1, 2, 3
`;

/** What the attributions of its current edition add up to, in the columns of `order_rollup`; the rules are those of domain/figures.ts, said again. */
const ORDERS = `
  SELECT day, campaign_type, campaign_id, currency, sum(orders) AS orders, sum(conversions) AS conversions, sum(revenue) AS revenue,
    sum(meta_leads) AS meta_leads, sum(meta_purchases) AS meta_purchases, sum(meta_revenue) AS meta_revenue
  FROM (
    SELECT ${DAY} AS day, campaign_type, campaign_id, CASE WHEN converted AND amount IS NOT NULL THEN currency ELSE '' END AS currency,
      1 AS orders, converted::int AS conversions, CASE WHEN converted THEN coalesce(amount, 0) ELSE 0 END AS revenue,
      0 AS meta_leads, 0 AS meta_purchases, 0::numeric AS meta_revenue
    FROM timeline.attribution WHERE organization_id = $1 AND edition = $2 AND counted
    UNION ALL
    SELECT ${DAY}, 'ad', ad_id, CASE WHEN meta = 'purchase' AND amount IS NOT NULL THEN currency ELSE '' END,
      0, 0, 0, (meta = 'lead')::int, (meta = 'purchase')::int, CASE WHEN meta = 'purchase' THEN coalesce(amount, 0) ELSE 0 END
    FROM timeline.attribution WHERE organization_id = $1 AND edition = $2 AND meta IS NOT NULL
  ) AS counted
  GROUP BY 1, 2, 3, 4
`;

const TALK_COLUMNS = ['sent', 'delivered', 'read', 'conversations'];
const ORDER_COLUMNS = ['orders', 'conversions', 'revenue', 'meta_leads', 'meta_purchases', 'meta_revenue'];

interface Comparison {
  readonly table: 'conversation_rollup' | 'order_rollup';
  readonly facts: string;
  readonly keys: readonly string[];
  readonly columns: readonly string[];
  /** Beyond the organisation. */
  readonly where: string;
}

const TALK_SUMS: Comparison = {
  table: 'conversation_rollup',
  facts: TALKS,
  keys: ['day', 'campaign_type', 'campaign_id'],
  columns: TALK_COLUMNS,
  where: '',
};

const ORDER_SUMS: Comparison = {
  table: 'order_rollup',
  facts: ORDERS,
  keys: ['day', 'campaign_type', 'campaign_id', 'currency'],
  columns: ORDER_COLUMNS,
  where: 'AND edition = $2',
};

/** One statement, one snapshot: facts and sums move together, so they are equal at every moment, also while events pour in. */
const differencesOf = ({ table, facts, keys, columns, where }: Comparison): string => `
  WITH fact AS (${facts}), held AS (
    SELECT ${keys.join(', ')}, ${columns.map((column) => `sum(${column}) AS ${column}`).join(', ')}
    FROM timeline.${table} WHERE organization_id = $1 ${where} GROUP BY ${keys.join(', ')}
  ), both_sides AS (
    SELECT ${keys.map((key) => `${key}::text`).join(', ')},
      ${columns.map((column) => `coalesce(fact.${column}, 0) AS fact_${column}, coalesce(held.${column}, 0) AS held_${column}`).join(', ')}
    FROM fact FULL JOIN held USING (${keys.join(', ')})
  )
  SELECT day, concat_ws('/', ${keys.slice(1).join(', ')}) AS place,
    ${columns.map((column) => `trim_scale(fact_${column}::numeric)::text AS fact_${column}, trim_scale(held_${column}::numeric)::text AS held_${column}`).join(', ')}
  FROM both_sides
  WHERE ${columns.map((column) => `both_sides.fact_${column} <> both_sides.held_${column}`).join(' OR ')}
  ORDER BY day, place
`;

async function compare(
  queryable: Queryable,
  comparison: Comparison,
  values: readonly unknown[],
): Promise<SumDifference[]> {
  const { rows } = await queryable.query<Record<string, string>>({ text: differencesOf(comparison), values });
  return rows.flatMap((row) =>
    comparison.columns
      .filter((column) => row[`fact_${column}`] !== row[`held_${column}`])
      .map((column) => ({
        day: row['day']!,
        place: row['place']!,
        figure: column,
        facts: row[`fact_${column}`]!,
        sums: row[`held_${column}`]!,
      })),
  );
}

/**
 * Orders of the current edition ($2) that it should have attributed: sums are held against attributions, so these would be missed by
 * both. Each is looked up by its key: a join of tables that nobody has analysed yet compares all with all.
 */
const UNATTRIBUTED = `
  SELECT ${DAY}::text AS day, 'order_fact' AS place, 'attributed' AS figure,
    count(*)::text AS facts, count(held.event_id)::text AS sums
  FROM timeline.order_fact AS fact
  LEFT JOIN LATERAL (
    SELECT event_id FROM timeline.attribution
    WHERE organization_id = $1 AND edition = $2 AND event_id = fact.event_id LIMIT 1
  ) AS held ON true
  WHERE fact.organization_id = $1 AND fact.name = ANY(
    ARRAY(SELECT unnest(order_event_names) FROM timeline.edition WHERE organization_id = $1 AND edition = $2)
  )
  GROUP BY 1 HAVING count(*) <> count(held.event_id) ORDER BY 1
`;

async function currentEdition(queryable: Queryable, organizationId: string): Promise<number | undefined> {
  const { rows } = await queryable.query<{ edition: number }>({
    text: `SELECT edition FROM timeline.edition WHERE organization_id = $1 AND state = 'current'`,
    values: [organizationId],
  });
  return rows[0]?.edition;
}

const REBUILD_TALKS = `
  INSERT INTO timeline.conversation_rollup (organization_id, day, campaign_type, campaign_id, shard, sent, delivered, read, conversations)
  SELECT $1, day, campaign_type, campaign_id, 0, sent, delivered, read, conversations FROM (${TALKS}) AS fact WHERE day = $2
`;

const REBUILD_ORDERS = `
  INSERT INTO timeline.order_rollup (organization_id, edition, day, campaign_type, campaign_id, currency, shard,
    orders, conversions, revenue, meta_leads, meta_purchases, meta_revenue)
  SELECT $1, $2, day, campaign_type, campaign_id, currency, 0, orders, conversions, revenue, meta_leads, meta_purchases, meta_revenue
  FROM (${ORDERS}) AS fact WHERE day = $3
`;

/** Sums of a day are made again from the facts, while nobody else writes any. */
async function rebuildDay(tx: Queryable, organizationId: string, day: string): Promise<void> {
  await enterAlone(tx);
  const edition = await currentEdition(tx, organizationId);
  await tx.query({
    text: 'DELETE FROM timeline.conversation_rollup WHERE organization_id = $1 AND day = $2',
    values: [organizationId, day],
  });
  await tx.query({ text: REBUILD_TALKS, values: [organizationId, day] });
  if (edition === undefined) return;
  await tx.query({
    text: 'DELETE FROM timeline.order_rollup WHERE organization_id = $1 AND edition = $2 AND day = $3',
    values: [organizationId, edition, day],
  });
  await tx.query({ text: REBUILD_ORDERS, values: [organizationId, edition, day] });
}

export const reportAudit = (database: Database): ReportAudit => ({
  async organizations() {
    const { rows } = await database.query<{ organization_id: string }>({
      text: `SELECT organization_id FROM timeline.edition WHERE state = 'current' ORDER BY organization_id`,
    });
    return rows.map((row) => row.organization_id);
  },

  async differences(organizationId) {
    const edition = await currentEdition(database, organizationId);
    const talks = await compare(database, TALK_SUMS, [organizationId]);
    if (edition === undefined) return talks;
    const values = [organizationId, edition];
    const orders = await compare(database, ORDER_SUMS, values);
    const { rows: unattributed } = await database.query<SumDifference>({ text: UNATTRIBUTED, values });
    return [...talks, ...orders, ...unattributed];
  },

  async rebuild(organizationId, days) {
    for (const day of days) {
      await database.transaction((tx) => rebuildDay(tx, organizationId, day));
    }
  },
});
