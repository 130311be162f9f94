import type { CampaignType } from '@trackline/contracts';
import type { Database, Queryable } from '@trackline/postgres';
import type { Rank } from '../../../domain/campaign-rank.ts';
import { TYPE_OF, type ConversationSum, type OrderSum } from '../../../domain/report.ts';
import type { GroupBy } from '../../../domain/report-request.ts';
import type { EditionStand, ReadSums, ReportCut, ReportReader } from '../../../ports.ts';
import { EDITION_COLUMNS, editionFromRow, type EditionRow } from './edition-book.ts';
import { attributionsOf } from './event-attributions.ts';

const PERIOD: Readonly<Record<GroupBy, string>> = {
  day: 'day::text',
  week: `date_trunc('week', day::timestamp)::date::text`,
  month: `to_char(day, 'YYYY-MM')`,
};

const WITHIN = 'organization_id = $1 AND day BETWEEN $2 AND $3 AND ($4::text IS NULL OR campaign_type = $4)';

/** What one sum is of; all of it, where a part is missing. */
type Grain = readonly ('period' | 'campaign')[];

/** Which sums a question wants, of which rows. */
interface Question {
  readonly grains: readonly Grain[];
  readonly groupBy: GroupBy;
  /** In the performance report campaigns of one type are one. */
  readonly isByType: boolean;
  /** Of `WITHIN`. */
  readonly values: readonly unknown[];
  readonly limit: number;
}

const columnsOf = (grain: Grain): string[] =>
  grain.flatMap((part) => (part === 'period' ? ['period'] : ['type', 'id']));

const shownColumns = ({ grains }: Question): string =>
  ['period', 'type', 'id']
    .map((column) =>
      grains.some((grain) => columnsOf(grain).includes(column)) ? column : `NULL::text AS ${column}`,
    )
    .join(', ');

const placeColumns = ({ groupBy, isByType }: Question): string =>
  `${PERIOD[groupBy]} AS period, campaign_type AS type, ${isByType ? `''::text` : 'campaign_id'} AS id`;

const sets = ({ grains }: Question, more: readonly string[] = []): string =>
  `GROUPING SETS (${grains.map((grain) => `(${[...columnsOf(grain), ...more].join(', ')})`).join(', ')})`;

interface PlaceRow {
  period: string | null;
  type: CampaignType | null;
  id: string | null;
}

const fromPlace = ({ period, type, id }: PlaceRow) => ({ period, campaignType: type, campaignId: id });

async function conversationSums(tx: Queryable, question: Question): Promise<ConversationSum[]> {
  const { rows } = await tx.query<PlaceRow & Omit<ConversationSum, 'campaignType' | 'campaignId'>>({
    text: `
      SELECT ${shownColumns(question)}, sum(sent)::bigint AS sent, sum(delivered)::bigint AS delivered, sum(read)::bigint AS read,
        sum(conversations)::bigint AS conversations
      FROM (
        SELECT ${placeColumns(question)}, sent, delivered, read, conversations FROM timeline.conversation_rollup WHERE ${WITHIN}
      ) AS sums
      GROUP BY ${sets(question)} HAVING sum(conversations) <> 0 LIMIT ${question.limit}
    `,
    values: question.values,
  });
  return rows.map((row) => ({ ...row, ...fromPlace(row) }));
}

/** `of`: only these campaigns. */
async function orderSums(
  tx: Queryable,
  edition: number,
  question: Question,
  of?: readonly string[],
): Promise<OrderSum[]> {
  const { rows } = await tx.query<PlaceRow & Omit<OrderSum, 'campaignType' | 'campaignId'>>({
    text: `
      SELECT ${shownColumns(question)}, currency, sum(orders)::bigint AS orders, sum(conversions)::bigint AS conversions,
        sum(revenue)::text AS revenue, sum(meta_leads)::bigint AS "metaLeads", sum(meta_purchases)::bigint AS "metaPurchases",
        sum(meta_revenue)::text AS "metaRevenue"
      FROM (
        SELECT ${placeColumns(question)}, currency, orders, conversions, revenue, meta_leads, meta_purchases, meta_revenue
        FROM timeline.order_rollup WHERE ${WITHIN} AND edition = $5 AND ($6::text[] IS NULL OR campaign_id = ANY($6))
      ) AS sums
      GROUP BY ${sets(question, ['currency'])}
      HAVING sum(orders) <> 0 OR sum(conversions) <> 0 OR sum(meta_leads) <> 0 OR sum(meta_purchases) <> 0
      LIMIT ${question.limit}
    `,
    values: [...question.values, edition, of ?? null],
  });
  return rows.map((row) => ({ ...row, ...fromPlace(row) }));
}

/** Campaigns in which anything happened, in the order of domain/campaign-rank.ts; `of_all` comes also when the page is empty. */
const CAMPAIGNS = `
  WITH talk AS (
    SELECT campaign_id AS id, sum(sent) AS sent, sum(delivered) AS delivered, sum(read) AS read, sum(conversations) AS conversations
    FROM timeline.conversation_rollup WHERE ${WITHIN} GROUP BY 1
  ), sale AS (
    SELECT campaign_id AS id, sum(orders) AS orders, sum(conversions) AS conversions, sum(meta_leads + meta_purchases) AS reported
    FROM timeline.order_rollup WHERE ${WITHIN} AND edition = $5 GROUP BY 1
  ), campaign AS (
    SELECT id, coalesce(sent, 0)::bigint AS sent, coalesce(delivered, 0)::bigint AS delivered, coalesce(read, 0)::bigint AS read,
      coalesce(conversations, 0)::bigint AS conversations, coalesce(conversions, 0) AS conversions, coalesce(reported, 0) AS reported
    FROM talk FULL JOIN sale USING (id)
    WHERE coalesce(conversations, 0) <> 0 OR coalesce(orders, 0) <> 0 OR coalesce(reported, 0) <> 0
  ), page AS (
    SELECT * FROM campaign
    WHERE $6::bigint IS NULL
      OR (-conversions, -reported, -conversations, id COLLATE "C") > (-$6::bigint, -$7::bigint, -$8::bigint, $9::text COLLATE "C")
    ORDER BY conversions DESC, reported DESC, conversations DESC, id COLLATE "C" LIMIT $10
  )
  SELECT whole.of_all, NULL::text AS period, $4 AS type, page.id, page.sent, page.delivered, page.read, page.conversations
  FROM (SELECT count(*) AS of_all FROM campaign) AS whole LEFT JOIN page ON true
`;

interface RankedRow extends PlaceRow, Omit<ConversationSum, 'period' | 'campaignType' | 'campaignId'> {
  of_all: number;
}

async function pageOfCampaigns(
  tx: Queryable,
  edition: number,
  question: Question,
  { after, limit }: { readonly after: Rank | undefined; readonly limit: number },
): Promise<Omit<ReadSums, 'editions'>> {
  const { rows } = await tx.query<RankedRow>({
    text: CAMPAIGNS,
    values: [
      ...[...question.values, edition],
      ...[
        after?.conversions ?? null,
        after?.reported ?? null,
        after?.conversations ?? null,
        after?.id ?? null,
      ],
      limit,
    ],
  });
  const page = rows.filter(({ id }) => id !== null);
  const ids = page.map(({ id }) => id!);
  return {
    campaignCount: rows[0]!.of_all,
    conversations: page.map((row) => ({ ...row, ...fromPlace(row) })),
    orders: await orderSums(tx, edition, { ...question, grains: [['campaign']] }, ids),
  };
}

const GRAINS: Readonly<Record<ReportCut['of'], readonly Grain[]>> = {
  report: [[], ['period']],
  lines: [['period', 'campaign']],
  series: [['period']],
  campaigns: [['campaign']],
};

/** No more than a report has places for: a period has some tens of currencies, and there are 762 periods. */
const MAX_SUMS_OF_REPORT = 1_000_000;
/** An edition that does not exist: an organisation of which nothing is known. */
const NO_EDITION = 0;

export const reportReader = (database: Database): ReportReader => ({
  read: (organizationId, kind, { from, to, groupBy }, cut) =>
    // In one snapshot: a retired edition is being cleared away, and sums of different moments do not add up.
    database.transaction(async (tx) => {
      await tx.query({ text: 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY' });
      const editions = await editionsOf(tx, organizationId);
      const edition = editions.find(({ state }) => state === 'current')?.edition ?? NO_EDITION;
      const type = TYPE_OF[kind];
      const isByType = type === undefined;
      const question: Question = {
        grains: isByType && cut.of === 'report' ? [...GRAINS.report, ['campaign']] : GRAINS[cut.of],
        groupBy,
        isByType,
        values: [organizationId, from, to, type ?? null],
        limit: cut.of === 'report' ? MAX_SUMS_OF_REPORT : cut.atMost,
      };
      const conversations = await conversationSums(tx, question);
      const orders = await orderSums(tx, edition, question);
      if (isByType || cut.of !== 'report') return { editions, conversations, orders, campaignCount: 0 };
      const page = await pageOfCampaigns(tx, edition, question, cut);
      return {
        editions,
        campaignCount: page.campaignCount,
        conversations: [...conversations, ...page.conversations],
        orders: [...orders, ...page.orders],
      };
    }),

  ofEvents: (organizationId, eventIds) => attributionsOf(database, organizationId, eventIds),
});

async function editionsOf(tx: Queryable, organizationId: string): Promise<readonly EditionStand[]> {
  const { rows } = await tx.query<
    EditionRow & { phase: 'collecting' | 'attributing' | 'complete'; done: number; total: number }
  >({
    name: 'timeline-editions-of',
    text: `SELECT ${EDITION_COLUMNS}, phase, done, total FROM timeline.edition WHERE organization_id = $1 AND state IN ('current', 'building')`,
    values: [organizationId],
  });
  return rows.map((row) => ({
    ...editionFromRow(row),
    phase: row.phase,
    done: row.done,
    total: row.total,
  }));
}
