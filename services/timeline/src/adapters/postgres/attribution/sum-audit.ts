import type { CampaignType } from '@trackline/contracts';
import type { Database, Queryable } from '@trackline/postgres';
import type { Difference } from '../../../ports.ts';
import { addMonths } from '../../../domain/calendar-month.ts';
import { currentEdition } from './edition-book.ts';
import { applyDeltas, WRITER_SHARD } from './rollups.ts';

/** Repairs go one after the other: two that saw the same difference would add it twice. */
const REPAIR_LOCK = 1953851502;

const DAY = `(occurred_at AT TIME ZONE 'UTC')::date`;
const FACTS_WITHIN = 'occurred_at >= $2 AND occurred_at < $3';
const SUMS_WITHIN = `day >= ($2::timestamptz AT TIME ZONE 'UTC')::date AND day < ($3::timestamptz AT TIME ZONE 'UTC')::date`;

/** What the messages of a month add up to, in the columns of `conversation_rollup`. */
const TALKS = `
  SELECT ${DAY} AS day, campaign_type, campaign_id, '' AS currency, count(*) FILTER (WHERE outbound) AS sent,
    count(*) FILTER (WHERE outbound AND stage >= 2) AS delivered, count(*) FILTER (WHERE outbound AND stage >= 3) AS read,
    count(*) AS conversations
  FROM timeline.conversation WHERE organization_id = $1 AND ${FACTS_WITHIN} AND weight > 0 GROUP BY 1, 2, 3
`;

/** What the attributions of an edition ($4) add up to, in the columns of `order_rollup`; the rules are those of domain/figures.ts, said again. */
const ORDERS = `
  SELECT day, campaign_type, campaign_id, currency, sum(orders) AS orders, sum(conversions) AS conversions, sum(revenue) AS revenue,
    sum(meta_leads) AS meta_leads, sum(meta_purchases) AS meta_purchases, sum(meta_revenue) AS meta_revenue
  FROM (
    SELECT ${DAY} AS day, campaign_type, campaign_id, CASE WHEN converted AND amount IS NOT NULL THEN currency ELSE '' END AS currency,
      1 AS orders, converted::int AS conversions, CASE WHEN converted THEN coalesce(amount, 0) ELSE 0 END AS revenue,
      0 AS meta_leads, 0 AS meta_purchases, 0::numeric AS meta_revenue
    FROM timeline.attribution WHERE organization_id = $1 AND edition = $4 AND ${FACTS_WITHIN} AND counted
    UNION ALL
    SELECT ${DAY}, 'ad', ad_id, CASE WHEN meta = 'purchase' AND amount IS NOT NULL THEN currency ELSE '' END,
      0, 0, 0, (meta = 'lead')::int, (meta = 'purchase')::int, CASE WHEN meta = 'purchase' THEN coalesce(amount, 0) ELSE 0 END
    FROM timeline.attribution WHERE organization_id = $1 AND edition = $4 AND ${FACTS_WITHIN} AND meta IS NOT NULL
  ) AS counted
  GROUP BY 1, 2, 3, 4
`;

interface Comparison {
  readonly facts: string;
  readonly sums: string;
  readonly columns: readonly string[];
}

const TALK_SUMS: Comparison = {
  facts: TALKS,
  sums: `SELECT *, '' AS currency FROM timeline.conversation_rollup WHERE organization_id = $1 AND ${SUMS_WITHIN}`,
  columns: ['sent', 'delivered', 'read', 'conversations'],
};

const ORDER_SUMS: Comparison = {
  facts: ORDERS,
  sums: `SELECT * FROM timeline.order_rollup WHERE organization_id = $1 AND edition = $4 AND ${SUMS_WITHIN}`,
  columns: ['orders', 'conversions', 'revenue', 'meta_leads', 'meta_purchases', 'meta_revenue'],
};

const KEYS = 'day, campaign_type, campaign_id, currency';
const list = (columns: readonly string[], of: (column: string) => string): string =>
  columns.map(of).join(', ');

/** One statement, one snapshot: facts and sums move together, so they are equal at every moment, also while events pour in. */
const differencesOf = ({ facts, sums, columns }: Comparison): string => `
  WITH fact AS (${facts}), held AS (
    SELECT ${KEYS}, ${list(columns, (column) => `sum(${column}) AS ${column}`)} FROM (${sums}) AS shards GROUP BY ${KEYS}
  ), both_sides AS (
    SELECT ${KEYS}, ${list(
      columns,
      (column) =>
        `coalesce(fact.${column}, 0)::numeric AS fact_${column}, coalesce(held.${column}, 0)::numeric AS held_${column}`,
    )}
    FROM fact FULL JOIN held USING (${KEYS})
  )
  SELECT day::text, campaign_type, campaign_id, currency, ${list(
    columns,
    (column) =>
      `trim_scale(fact_${column})::text AS fact_${column}, trim_scale(held_${column})::text AS held_${column},
       trim_scale(fact_${column} - held_${column})::text AS less_${column}`,
  )}
  FROM both_sides WHERE ${columns.map((column) => `fact_${column} <> held_${column}`).join(' OR ')}
  ORDER BY ${KEYS}
`;

interface DifferingRow {
  day: string;
  campaign_type: CampaignType;
  campaign_id: string;
  currency: string;
  /** `fact_<column>`, `held_<column>`, and `less_<column>`: by how much the sums are too small. */
  [figure: string]: string;
}

interface Differing {
  readonly talks: readonly DifferingRow[];
  readonly orders: readonly DifferingRow[];
}

export interface AuditedMonth {
  readonly organizationId: string;
  readonly edition: number;
  readonly monthMs: number;
}

async function compare(
  queryable: Queryable,
  { organizationId, edition, monthMs }: AuditedMonth,
): Promise<Differing> {
  const month = [organizationId, ...[monthMs, addMonths(monthMs, 1)].map((ms) => new Date(ms).toISOString())];
  const talks = await queryable.query<DifferingRow>({ text: differencesOf(TALK_SUMS), values: month });
  const orders = await queryable.query<DifferingRow>({
    text: differencesOf(ORDER_SUMS),
    values: [...month, edition],
  });
  return { talks: talks.rows, orders: orders.rows };
}

const toDifferences = (row: DifferingRow, columns: readonly string[]): Difference[] =>
  columns
    .filter((column) => row[`less_${column}`] !== '0')
    .map((column) => ({
      day: row.day,
      place: [row.campaign_type, row.campaign_id, row.currency].filter(Boolean).join('/'),
      figure: column,
      facts: row[`fact_${column}`]!,
      held: row[`held_${column}`]!,
    }));

/** Of the edition that is read in the snapshot of the comparison: one that is replaced is cleared away, attributions before sums. */
export const auditSums = (
  database: Database,
  organizationId: string,
  monthMs: number,
): Promise<Difference[]> =>
  database.transaction(async (tx) => {
    await tx.query({ text: 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY' });
    const edition = await currentEdition(tx, organizationId);
    if (!edition) return [];
    const { talks, orders } = await compare(tx, { ...edition, monthMs });
    return [
      ...talks.flatMap((row) => toDifferences(row, TALK_SUMS.columns)),
      ...orders.flatMap((row) => toDifferences(row, ORDER_SUMS.columns)),
    ];
  });

/**
 * Adds the differences to the sums. Whatever is written meanwhile moves facts and sums by the same, so a difference stays what it is until it is
 * added: nobody is locked out, only another repair, and the end of the edition while the sums are written.
 */
export const mendSums = (database: Database, month: AuditedMonth): Promise<void> =>
  database.transaction(async (tx) => {
    const { organizationId, edition } = month;
    await tx.query({ text: `SELECT pg_advisory_xact_lock(${REPAIR_LOCK})` });
    const { talks, orders } = await compare(tx, month);
    const { rows } = await tx.query({
      text: `SELECT FROM timeline.edition WHERE organization_id = $1 AND edition = $2 AND state = 'current' FOR SHARE`,
      values: [organizationId, edition],
    });
    const less = (row: DifferingRow, column: string): number => Number(row[`less_${column}`]);
    const placeOf = (row: DifferingRow) => ({
      organizationId,
      day: row.day,
      campaignType: row.campaign_type,
      campaignId: row.campaign_id,
    });
    await applyDeltas(tx, WRITER_SHARD, {
      conversations: talks.map((row) => ({
        ...placeOf(row),
        sent: less(row, 'sent'),
        delivered: less(row, 'delivered'),
        read: less(row, 'read'),
        conversations: less(row, 'conversations'),
      })),
      // An edition that has been replaced meanwhile is cleared away, and its sums with it.
      orders: (rows.length === 0 ? [] : orders).map((row) => ({
        ...placeOf(row),
        edition,
        currency: row.currency,
        orders: less(row, 'orders'),
        conversions: less(row, 'conversions'),
        revenue: row['less_revenue']!,
        metaLeads: less(row, 'meta_leads'),
        metaPurchases: less(row, 'meta_purchases'),
        metaRevenue: row['less_meta_revenue']!,
        sign: 1,
      })),
    });
  });
