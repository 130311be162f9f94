import { Type, type Static, type TProperties } from '@sinclair/typebox';
import { CAMPAIGN_TYPES } from '../messages/conversation.ts';
import { defineRoute } from '../route.ts';
import { Cursor, Limit, Page, Timestamp } from '../schemas.ts';

const CampaignTypeField = Type.Union(
  CAMPAIGN_TYPES.map((type) => Type.Literal(type)),
  { description: '`organic`: what nobody planned.' },
);

export const Money = Type.Object({
  currency: Type.String({
    description: 'ISO 4217; `XXX` where neither the order nor the organisation names one.',
  }),
  amount: Type.String({ description: 'An exact decimal.', examples: ['49.90'] }),
});
export type Money = Static<typeof Money>;

const row = {
  sent: Type.Integer({ description: 'Messages to contacts that did not fail.' }),
  delivered: Type.Integer(),
  read: Type.Integer(),
  conversations: Type.Integer({
    description: 'Messages to and from contacts, by the day on which they were.',
  }),
  orders: Type.Integer({
    description:
      'By the day on which they occurred. Orders that no campaign earned are counted with the organic ones.',
  }),
  conversions: Type.Integer({ description: 'Orders with a conversation in the window before them.' }),
  conversionRate: Type.Number({
    description: 'Conversions divided by conversations; 0 when there are none.',
  }),
  revenue: Type.Array(Money, { description: 'Of the conversions, a sum per currency.' }),
};

const metaRow = {
  metaLeads: Type.Integer({ description: 'Leads that Meta reported.' }),
  metaPurchases: Type.Integer({ description: 'Purchases that Meta reported.' }),
  metaRevenue: Type.Array(Money, { description: 'What Meta said they were worth.' }),
};

const campaign = { id: Type.String(), name: Type.String(), type: CampaignTypeField };

const inReport = {
  from: Type.String({ description: 'First day, UTC.', examples: ['2026-11-01'] }),
  to: Type.String({ description: 'Last day, UTC.', examples: ['2026-11-30'] }),
  groupBy: Type.Union([Type.Literal('day'), Type.Literal('week'), Type.Literal('month')]),
  attribution: Type.Object(
    {
      model: Type.Union([Type.Literal('last_touch'), Type.Literal('first_touch')]),
      windowHours: Type.Integer(),
      orderEventNames: Type.Array(Type.String()),
      recomputing: Type.Optional(
        Type.Object(
          {
            phase: Type.Union([
              Type.Literal('waiting'),
              Type.Literal('collecting'),
              Type.Literal('attributing'),
            ]),
            done: Type.Integer(),
            total: Type.Integer({ description: 'Orders to attribute; 0 until that is known.' }),
          },
          {
            description:
              'The settings have changed and new figures are being made; these are the old ones, whole.',
          },
        ),
      ),
    },
    { description: 'How these figures were attributed.' },
  ),
};

const report = <Row extends TProperties>(fields: Row) =>
  Type.Object({
    ...inReport,
    totals: Type.Object(fields),
    series: Type.Array(
      Type.Object({
        period: Type.String({
          description: 'A day, the Monday of a week, or a month.',
          examples: ['2026-11-20', '2026-11'],
        }),
        ...fields,
      }),
    ),
    campaigns: Type.Array(Type.Object({ ...campaign, ...fields }), {
      description:
        'A page of those in which anything happened, by conversions, then by what Meta reported, then by conversations, most first.',
    }),
    campaignCount: Type.Integer({ description: 'Campaigns on all pages together.' }),
    nextCursor: Type.Union([Type.String(), Type.Null()], {
      description:
        'Of the next page of campaigns; `null` on the last one. Totals and series are of all of them.',
    }),
  });

export const CampaignReport = report(row);
export type CampaignReport = Static<typeof CampaignReport>;

export const AdReport = report({ ...row, ...metaRow });
export type AdReport = Static<typeof AdReport>;

export const PerformanceReport = Type.Object({
  ...Type.Omit(CampaignReport, ['campaigns', 'campaignCount', 'nextCursor']).properties,
  bySource: Type.Array(Type.Object({ ...campaign, ...row }), {
    description: 'One row per type of campaign; together they are the totals.',
  }),
});
export type PerformanceReport = Static<typeof PerformanceReport>;

export const ReportQuery = Type.Object({
  from: Type.Optional(
    Type.String({ description: 'First day, UTC. Default: 29 days before `to`.', examples: ['2026-11-01'] }),
  ),
  to: Type.Optional(Type.String({ description: 'Last day, UTC. Default: today.' })),
  groupBy: Type.Optional(
    Type.Union([Type.Literal('day'), Type.Literal('week'), Type.Literal('month')], {
      description: 'Periods of the series, UTC; weeks begin on Monday. Default: day.',
      message: 'groupBy is day, week or month.',
    }),
  ),
  format: Type.Optional(
    Type.Union([Type.Literal('json'), Type.Literal('csv')], {
      description:
        '`csv`: UTF-8 with a byte order mark, a column of revenue per currency; text that a spreadsheet would calculate with has an apostrophe before it.',
      message: 'format is json or csv.',
    }),
  ),
  table: Type.Optional(
    Type.Union([Type.Literal('lines'), Type.Literal('series'), Type.Literal('campaigns')], {
      description:
        'What the lines of the CSV are: each period of each campaign in which anything happened (`lines`, the default), each period, or each campaign.',
      message: 'table is lines, series or campaigns.',
    }),
  ),
});
export type ReportQuery = Static<typeof ReportQuery>;

export const CampaignReportQuery = Type.Object({
  ...ReportQuery.properties,
  limit: Limit,
  cursor: Cursor,
});
export type CampaignReportQuery = Static<typeof CampaignReportQuery>;

const common = {
  service: 'timeline',
  method: 'GET',
  auth: 'read',
  tag: 'Reports',
  errors: ['UNAUTHORIZED', 'FORBIDDEN', 'VALIDATION_FAILED', 'UNAVAILABLE'],
} as const;

const about =
  'At most 24 months. After a change of the attribution settings the old figures are shown until the new ones are complete.';

export const getPerformanceReport = defineRoute({
  ...common,
  id: 'getPerformanceReport',
  path: '/v1/reports/performance',
  query: ReportQuery,
  summary: 'All conversations and orders, by where they came from',
  description: `The sum of the reports of automations, broadcasts and ads, and of what is organic. ${about}`,
  responses: { 200: { description: 'The report.', schema: PerformanceReport } },
});

export const getAutomationsReport = defineRoute({
  ...common,
  id: 'getAutomationsReport',
  path: '/v1/reports/automations',
  query: CampaignReportQuery,
  summary: 'What automations earned',
  description: `An automation is a workflow; its id is the workflow’s. ${about}`,
  responses: { 200: { description: 'The report.', schema: CampaignReport } },
});

export const getBroadcastsReport = defineRoute({
  ...common,
  id: 'getBroadcastsReport',
  path: '/v1/reports/broadcasts',
  query: CampaignReportQuery,
  summary: 'What broadcasts earned',
  description: about,
  responses: { 200: { description: 'The report.', schema: CampaignReport } },
});

export const getAdsReport = defineRoute({
  ...common,
  id: 'getAdsReport',
  path: '/v1/reports/ads',
  query: CampaignReportQuery,
  summary: 'What ads earned, and what Meta reported of them',
  description: `An ad’s id is Meta’s source_id; \`unknown\` is an ad that nothing names. ${about}`,
  responses: { 200: { description: 'The report.', schema: AdReport } },
});

export const CampaignsQuery = Type.Object({
  type: Type.Optional(
    Type.Union(
      CAMPAIGN_TYPES.filter((type) => type !== 'organic').map((type) => Type.Literal(type)),
      { description: 'Only campaigns of this type.', message: 'type is broadcast, automation or ad.' },
    ),
  ),
  limit: Limit,
  cursor: Cursor,
});
export type CampaignsQuery = Static<typeof CampaignsQuery>;

export const CampaignItem = Type.Object({
  ...campaign,
  namedAt: Timestamp,
});
export type CampaignItem = Static<typeof CampaignItem>;

export const listCampaigns = defineRoute({
  id: 'listCampaigns',
  service: 'timeline',
  method: 'GET',
  path: '/v1/campaigns',
  auth: 'read',
  tag: 'Reports',
  summary: 'Campaigns that conversations were told to be part of, and automations that have begun',
  description:
    'By type and id. An automation is called as its workflow was when it last began. A campaign without a name of its own is shown by its id; it has the name that it was given last.',
  query: CampaignsQuery,
  responses: { 200: { description: 'A page of campaigns.', schema: Page(CampaignItem) } },
  errors: ['UNAUTHORIZED', 'FORBIDDEN', 'VALIDATION_FAILED', 'UNAVAILABLE'],
});

export const reportRoutes = [
  getPerformanceReport,
  getAutomationsReport,
  getBroadcastsReport,
  getAdsReport,
  listCampaigns,
];
