import type { CampaignType } from '@trackline/contracts';
import type { MetaKind } from './meta-event.ts';
import { ORGANIC, weightOf, type MessageFact } from './message-fact.ts';

/** A change of what a day's conversations of a campaign add up to. */
export interface ConversationDelta {
  readonly organizationId: string;
  /** `2026-11-20`, UTC. */
  readonly day: string;
  readonly campaignType: CampaignType;
  readonly campaignId: string;
  readonly sent: number;
  readonly delivered: number;
  readonly read: number;
  readonly conversations: number;
}

/** A change of what a day's orders of a campaign add up to, in one edition of the figures. */
export interface OrderDelta {
  readonly organizationId: string;
  readonly edition: number;
  readonly day: string;
  readonly campaignType: CampaignType;
  readonly campaignId: string;
  /** Empty where there is no amount. */
  readonly currency: string;
  readonly orders: number;
  readonly conversions: number;
  /** Exact decimal; counted `sign` times. */
  readonly revenue: string;
  readonly metaLeads: number;
  readonly metaPurchases: number;
  readonly metaRevenue: string;
  readonly sign: 1 | -1;
}

/** What one event counts as, in one edition of the figures. */
export interface AttributedOrder {
  readonly organizationId: string;
  readonly edition: number;
  readonly eventId: string;
  readonly occurredAtMs: number;
  /** It is an order by the organisation's settings; `false` for what only Meta reports. */
  readonly counted: boolean;
  readonly converted: boolean;
  readonly campaignType: CampaignType;
  readonly campaignId: string;
  readonly conversationAtMs: number | null;
  readonly amount: string | null;
  readonly currency: string | null;
  readonly meta: MetaKind | null;
  readonly adId: string | null;
}

export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const sumOf = (fact: MessageFact, sign: 1 | -1): ConversationDelta[] => {
  if (weightOf(fact) === 0) return [];
  const { organizationId, atMs, outbound, stage, campaign } = fact;
  return [
    {
      organizationId,
      day: dayOf(atMs),
      campaignType: campaign.type,
      campaignId: campaign.id,
      sent: outbound ? sign : 0,
      delivered: outbound && stage >= 2 ? sign : 0,
      read: outbound && stage >= 3 ? sign : 0,
      conversations: sign,
    },
  ];
};

/** What becomes of the sums when a message that was known so is known so now. */
export const conversationDeltas = (
  before: MessageFact | undefined,
  after: MessageFact,
): readonly ConversationDelta[] => [...(before ? sumOf(before, -1) : []), ...sumOf(after, 1)];

const NOTHING = { orders: 0, conversions: 0, revenue: '0', metaLeads: 0, metaPurchases: 0, metaRevenue: '0' };

/** What an attributed order adds to the sums. An order that no campaign earned stands with the organic ones, so that the reports add up. */
function sumsOf(order: AttributedOrder, sign: 1 | -1): OrderDelta[] {
  const { organizationId, edition, occurredAtMs, amount } = order;
  const currency = amount === null ? '' : (order.currency ?? '');
  const place = { ...NOTHING, organizationId, edition, day: dayOf(occurredAtMs), sign };
  const deltas: OrderDelta[] = [];
  if (order.counted) {
    const campaign = order.converted
      ? { campaignType: order.campaignType, campaignId: order.campaignId }
      : { campaignType: ORGANIC.type, campaignId: ORGANIC.id };
    deltas.push({
      ...place,
      ...campaign,
      currency: order.converted ? currency : '',
      orders: sign,
      conversions: order.converted ? sign : 0,
      revenue: order.converted ? (amount ?? '0') : '0',
    });
  }
  if (order.meta !== null) {
    const isPurchase = order.meta === 'purchase';
    deltas.push({
      ...place,
      campaignType: 'ad',
      campaignId: order.adId ?? '',
      currency: isPurchase ? currency : '',
      metaLeads: isPurchase ? 0 : sign,
      metaPurchases: isPurchase ? sign : 0,
      metaRevenue: isPurchase ? (amount ?? '0') : '0',
    });
  }
  return deltas;
}

/** What becomes of the sums when an order that stood so stands so now; without `after`: when it is none any more. */
export const orderDeltas = (
  before: AttributedOrder | undefined,
  after: AttributedOrder | undefined,
): readonly OrderDelta[] => [...(before ? sumsOf(before, -1) : []), ...(after ? sumsOf(after, 1) : [])];

/** Whether it has anything to put down at all: an event whose name is an order's in another edition has not. */
export const counts = ({ counted, meta }: AttributedOrder): boolean => counted || meta !== null;

const SAME: readonly (keyof AttributedOrder)[] = [
  'occurredAtMs',
  'counted',
  'converted',
  'campaignType',
  'campaignId',
  'conversationAtMs',
  'amount',
  'currency',
  'meta',
  'adId',
];

export const sameAttribution = (a: AttributedOrder, b: AttributedOrder): boolean =>
  SAME.every((field) => a[field] === b[field]);
