import type { CampaignType } from '@trackline/contracts';
import type { Queryable } from '@trackline/postgres';
import type { ConversationSum, OrderSum } from '../../../domain/report.ts';
import { TYPE_OF } from '../../../domain/report.ts';
import type { CampaignReader, ReportReader } from '../../../ports.ts';
import { EDITION_COLUMNS, editionFromRow, type EditionRow } from './edition-book.ts';
import { attributionsOf } from './event-attributions.ts';

/** In the performance report campaigns of one type are one. */
const place = (isByType: boolean): string => `
  CASE $4 WHEN 'month' THEN to_char(day, 'YYYY-MM') ELSE date_trunc($4, day::timestamp)::date::text END AS period,
  campaign_type AS type, ${isByType ? `''::text` : 'campaign_id'} AS id
`;

const WITHIN = 'organization_id = $1 AND day BETWEEN $2 AND $3 AND ($5::text IS NULL OR campaign_type = $5)';

interface PlaceRow {
  period: string | null;
  type: CampaignType | null;
  id: string | null;
}

const fromPlace = ({ period, type, id }: PlaceRow) => ({ period, campaignType: type, campaignId: id });

/** Of `lines` one sum per period and campaign; else all sums of a report. */
const sets = (isLines: boolean, more = ''): string =>
  isLines ? `(period, type, id${more})` : `(${more.slice(2)}), (period${more}), (type, id${more})`;

export const reportReader = (database: Queryable): ReportReader => ({
  async sums(organizationId, kind, { from, to, groupBy }, { edition, lines }) {
    const type = TYPE_OF[kind];
    const values = [organizationId, from, to, groupBy, type ?? null];
    const source = place(type === undefined);
    const [conversations, orders] = await Promise.all([
      database.query<PlaceRow & Omit<ConversationSum, 'campaignType' | 'campaignId'>>({
        text: `
          SELECT period, type, id, sum(sent)::bigint AS sent, sum(delivered)::bigint AS delivered, sum(read)::bigint AS read,
            sum(conversations)::bigint AS conversations
          FROM (SELECT ${source}, sent, delivered, read, conversations FROM timeline.conversation_rollup WHERE ${WITHIN}) AS sums
          GROUP BY GROUPING SETS (${sets(lines)})
        `,
        values,
      }),
      database.query<PlaceRow & Omit<OrderSum, 'campaignType' | 'campaignId'>>({
        text: `
          SELECT period, type, id, currency, sum(orders)::bigint AS orders, sum(conversions)::bigint AS conversions, sum(revenue)::text AS revenue,
            sum(meta_leads)::bigint AS "metaLeads", sum(meta_purchases)::bigint AS "metaPurchases", sum(meta_revenue)::text AS "metaRevenue"
          FROM (
            SELECT ${source}, currency, orders, conversions, revenue, meta_leads, meta_purchases, meta_revenue
            FROM timeline.order_rollup WHERE ${WITHIN} AND edition = $6
          ) AS sums
          GROUP BY GROUPING SETS (${sets(lines, ', currency')})
        `,
        values: [...values, edition],
      }),
    ]);
    return {
      conversations: conversations.rows
        .filter((row) => row.sent !== null)
        .map((row) => ({ ...row, ...fromPlace(row) })),
      orders: orders.rows.map((row) => ({ ...row, ...fromPlace(row) })),
    };
  },

  async editions(organizationId) {
    const { rows } = await database.query<
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
  },

  ofEvents: (organizationId, eventIds) => attributionsOf(database, organizationId, eventIds),
});

interface CampaignRow {
  type: CampaignType;
  id: string;
  name: string | null;
  named_at: Date;
}

export const campaignReader = (database: Queryable): CampaignReader => ({
  async names(organizationId, campaigns) {
    if (campaigns.length === 0) return new Map();
    const { rows } = await database.query<{ type: string; id: string; name: string }>({
      name: 'timeline-campaign-names',
      text: `
        SELECT held.type, held.id, held.name FROM unnest($2::text[], $3::text[]) AS wanted (type, id)
        JOIN timeline.campaign AS held ON held.organization_id = $1 AND held.type = wanted.type AND held.id = wanted.id
        WHERE held.name IS NOT NULL
      `,
      values: [organizationId, campaigns.map((one) => one.type), campaigns.map((one) => one.id)],
    });
    return new Map(rows.map((row) => [`${row.type}/${row.id}`, row.name]));
  },

  async list(organizationId, { type, after, limit }) {
    const { rows } = await database.query<CampaignRow>({
      name: 'timeline-campaigns',
      text: `
        SELECT type, id, name, named_at FROM timeline.campaign
        WHERE organization_id = $1 AND ($2::text IS NULL OR type = $2) AND ($3::text IS NULL OR (type, id) > ($3, $4))
        ORDER BY type, id LIMIT $5
      `,
      values: [organizationId, type ?? null, after?.type ?? null, after?.id ?? null, limit],
    });
    return rows.map((row) => ({
      type: row.type,
      id: row.id,
      name: row.name,
      namedAtMs: row.named_at.getTime(),
    }));
  },
});
