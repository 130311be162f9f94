import type { CampaignType, Money } from '@trackline/contracts';
import { UNKNOWN_AD, UNKNOWN_AD_NAME } from './meta-event.ts';
import { byRank, rankOf } from './campaign-rank.ts';
import { periodsOf, type ReportRequest } from './report-request.ts';
import { formatAmount } from './revenue.ts';

/** What a line of a table is: a period of a campaign, a period, or a campaign. */
export type ReportTable = 'lines' | 'series' | 'campaigns';

export type ReportKind = 'performance' | 'automations' | 'broadcasts' | 'ads';

/** What a report is about: the campaigns of one type, or all of them by type. */
export const TYPE_OF: Readonly<Record<ReportKind, CampaignType | undefined>> = {
  performance: undefined,
  automations: 'automation',
  broadcasts: 'broadcast',
  ads: 'ad',
};

/** What a sum is of. All periods, or all campaigns, where one is `null`; in the performance report ids are empty. */
interface SumPlace {
  readonly period: string | null;
  readonly campaignType: CampaignType | null;
  readonly campaignId: string | null;
}

export interface ConversationSum extends SumPlace {
  readonly sent: number;
  readonly delivered: number;
  readonly read: number;
  readonly conversations: number;
}

export interface OrderSum extends SumPlace {
  /** Empty: of those without an amount. */
  readonly currency: string;
  readonly orders: number;
  readonly conversions: number;
  readonly revenue: string;
  readonly metaLeads: number;
  readonly metaPurchases: number;
  readonly metaRevenue: string;
}

export interface ReportSums {
  readonly conversations: readonly ConversationSum[];
  readonly orders: readonly OrderSum[];
  /** By `<type>/<id>`; campaigns that nobody named are missing. */
  readonly names: ReadonlyMap<string, string>;
}

export interface ReportRow {
  readonly sent: number;
  readonly delivered: number;
  readonly read: number;
  readonly conversations: number;
  readonly orders: number;
  readonly conversions: number;
  readonly conversionRate: number;
  readonly revenue: readonly Money[];
  readonly metaLeads: number;
  readonly metaPurchases: number;
  readonly metaRevenue: readonly Money[];
}

export interface CampaignRow extends ReportRow {
  readonly id: string;
  readonly name: string;
  readonly type: CampaignType;
}

/** A report before it is cut to what its route shows. */
export interface ReportFigures {
  readonly totals: ReportRow;
  readonly series: readonly (ReportRow & { readonly period: string })[];
  readonly campaigns: readonly CampaignRow[];
}

const SOURCES: readonly CampaignType[] = ['broadcast', 'automation', 'ad', 'organic'];
const SOURCE_NAMES: Readonly<Record<CampaignType, string>> = {
  broadcast: 'Broadcasts',
  automation: 'Automations',
  ad: 'Ads',
  organic: 'Organic',
};

const placeKey = ({ period, campaignType, campaignId }: SumPlace): string =>
  `${period ?? ''}|${campaignType ?? ''}|${campaignId ?? ''}`;

const sum = <Sum>(sums: readonly Sum[], of: (one: Sum) => number): number =>
  sums.reduce((total, one) => total + of(one), 0);

const money = (sums: readonly OrderSum[], count: keyof OrderSum, amount: keyof OrderSum): Money[] =>
  sums
    .filter((one) => one.currency !== '' && one[count] !== 0)
    .map((one) => ({
      currency: one.currency,
      amount: formatAmount(String(one[amount]), one.currency),
    }))
    .sort((a, b) => (a.currency < b.currency ? -1 : 1));

function toRow(talk: ConversationSum | undefined, orders: readonly OrderSum[]): ReportRow {
  const conversations = talk?.conversations ?? 0;
  const conversions = sum(orders, (one) => one.conversions);
  return {
    sent: talk?.sent ?? 0,
    delivered: talk?.delivered ?? 0,
    read: talk?.read ?? 0,
    conversations,
    orders: sum(orders, (one) => one.orders),
    conversions,
    conversionRate: conversations === 0 ? 0 : conversions / conversations,
    revenue: money(orders, 'conversions', 'revenue'),
    metaLeads: sum(orders, (one) => one.metaLeads),
    metaPurchases: sum(orders, (one) => one.metaPurchases),
    metaRevenue: money(orders, 'metaPurchases', 'metaRevenue'),
  };
}

/** Rows by what they are of, from sums that the database has made. */
class RowBook {
  private readonly talks = new Map<string, ConversationSum>();
  private readonly orders = new Map<string, OrderSum[]>();
  readonly places = new Map<string, SumPlace>();

  constructor({ conversations, orders }: ReportSums) {
    for (const one of conversations) {
      this.talks.set(placeKey(one), one);
      this.places.set(placeKey(one), one);
    }
    for (const one of orders) {
      const others = this.orders.get(placeKey(one));
      if (others) others.push(one);
      else this.orders.set(placeKey(one), [one]);
      this.places.set(placeKey(one), one);
    }
  }

  row(place: SumPlace): ReportRow {
    const key = placeKey(place);
    return toRow(this.talks.get(key), this.orders.get(key) ?? []);
  }
}

export const campaignName = (type: CampaignType, id: string, names: ReadonlyMap<string, string>): string =>
  names.get(`${type}/${id}`) ?? nameless(type, id);

const nameless = (type: CampaignType, id: string): string => {
  if (type === 'organic') return SOURCE_NAMES.organic;
  return type === 'ad' && id === UNKNOWN_AD ? UNKNOWN_AD_NAME : id;
};

const named = (kind: ReportKind, type: CampaignType, id: string, names: ReadonlyMap<string, string>) =>
  kind === 'performance'
    ? { id: type, name: SOURCE_NAMES[type], type }
    : { id, name: campaignName(type, id, names), type };

const byWeight = (a: CampaignRow, b: CampaignRow): number => byRank(rankOf(a), rankOf(b));

/** Those that there are sums of, what earned most first; of the performance report all four sources, in their order. */
function campaignRows(kind: ReportKind, book: RowBook, names: ReadonlyMap<string, string>): CampaignRow[] {
  const places =
    kind === 'performance'
      ? SOURCES.map((type) => ({ campaignType: type, campaignId: '' }))
      : [...book.places.values()].flatMap(({ period, campaignType, campaignId }) =>
          period === null && campaignType !== null ? [{ campaignType, campaignId }] : [],
        );
  const rows = places.map(({ campaignType, campaignId }) => ({
    ...named(kind, campaignType, campaignId ?? '', names),
    ...book.row({ period: null, campaignType, campaignId }),
  }));
  return kind === 'performance' ? rows : rows.sort(byWeight);
}

/** All periods, also those without anything, with zeros. */
const periodRows = (request: ReportRequest, book: RowBook) =>
  periodsOf(request).map((period) => ({
    period,
    ...book.row({ period, campaignType: null, campaignId: null }),
  }));

/** A report from its sums. */
export function toReport(kind: ReportKind, request: ReportRequest, sums: ReportSums): ReportFigures {
  const book = new RowBook(sums);
  return {
    totals: book.row({ period: null, campaignType: null, campaignId: null }),
    series: periodRows(request, book),
    campaigns: campaignRows(kind, book, sums.names),
  };
}

/** A line of a table: with what it is a line of. */
export type TableRow = ReportRow & Partial<Pick<CampaignRow, 'id' | 'name' | 'type'>> & { period?: string };

/** The lines of a table: the same figures as the report's, whole. Periods of campaigns are those in which anything happened, oldest first. */
export function toTable(
  kind: ReportKind,
  table: ReportTable,
  request: ReportRequest,
  sums: ReportSums,
): readonly TableRow[] {
  const book = new RowBook(sums);
  if (table === 'series') return periodRows(request, book);
  if (table === 'campaigns') return campaignRows(kind, book, sums.names);
  return [...book.places.values()]
    .flatMap((place) => {
      const { period, campaignType, campaignId } = place;
      if (period === null || campaignType === null) return [];
      return [{ period, ...named(kind, campaignType, campaignId ?? '', sums.names), ...book.row(place) }];
    })
    .sort((a, b) => (a.period === b.period ? byWeight(a, b) : a.period < b.period ? -1 : 1));
}
