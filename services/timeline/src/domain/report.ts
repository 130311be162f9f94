import type { CampaignType, Money } from '@trackline/contracts';
import { UNKNOWN_AD, UNKNOWN_AD_NAME } from './meta-event.ts';
import { periodsOf, type ReportRequest } from './report-request.ts';
import { formatAmount } from './revenue.ts';

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

const byWeight = (a: CampaignRow, b: CampaignRow): number =>
  b.conversions - a.conversions || b.conversations - a.conversations || (a.id < b.id ? -1 : 1);

/** A report from its sums; periods without anything are there, with zeros. */
export function toReport(kind: ReportKind, request: ReportRequest, sums: ReportSums): ReportFigures {
  const book = new RowBook(sums);
  const campaigns =
    kind === 'performance'
      ? SOURCES.map((type) => ({ campaignType: type, campaignId: '' }))
      : [...book.places.values()].flatMap(({ period, campaignType, campaignId }) =>
          period === null && campaignType !== null ? [{ campaignType, campaignId }] : [],
        );
  const rows = campaigns.map(({ campaignType, campaignId }): CampaignRow => ({
    ...named(kind, campaignType, campaignId ?? '', sums.names),
    ...book.row({ period: null, campaignType, campaignId }),
  }));
  return {
    totals: book.row({ period: null, campaignType: null, campaignId: null }),
    series: periodsOf(request).map((period) => ({
      period,
      ...book.row({ period, campaignType: null, campaignId: null }),
    })),
    campaigns: kind === 'performance' ? rows : rows.sort(byWeight),
  };
}

/** A line per period and campaign in which anything happened, oldest first: together they are the totals. */
export function toReportLines(kind: ReportKind, sums: ReportSums): (CampaignRow & { period: string })[] {
  const book = new RowBook(sums);
  return [...book.places.values()]
    .flatMap((place) => {
      const { period, campaignType, campaignId } = place;
      if (period === null || campaignType === null) return [];
      return [{ period, ...named(kind, campaignType, campaignId ?? '', sums.names), ...book.row(place) }];
    })
    .sort((a, b) => (a.period === b.period ? byWeight(a, b) : a.period < b.period ? -1 : 1));
}
