import type { CampaignType } from '@trackline/contracts';

/** How an organisation wants its orders attributed. */
export interface AttributionSettings {
  /** A conversation earns an order that comes at most this long after it, the bound included. */
  readonly windowHours: number;
  readonly model: 'last_touch' | 'first_touch';
  /** Sorted: the names of the events that are orders. */
  readonly orderEventNames: readonly string[];
  /** ISO 4217, for orders that name no currency. */
  readonly defaultCurrency: string | null;
}

export const HOUR_MS = 3_600_000;

/** A message to or from a contact, as attribution sees it. */
export interface Touch {
  /** Of two messages of the same millisecond, the one with the greater key is the later one. */
  readonly key: string;
  readonly atMs: number;
  readonly campaign: TouchCampaign;
  /** Of a message that a workflow sent. */
  readonly executionId: string | null;
}

export interface TouchCampaign {
  readonly type: CampaignType;
  /** Empty for `organic`: what nobody planned has no name. */
  readonly id: string;
}

export interface OrderMoment {
  readonly atMs: number;
  /** Executions that the order itself started: what they send does not earn it. One that waited for the order is none of them. */
  readonly causedExecutions: ReadonlySet<string>;
}

export type NoConversionReason = 'no_conversation' | 'outside_window' | 'after_order' | 'caused_by_order';

/** Who earned an order, or why nobody did. */
export type Attribution =
  | {
      readonly conversion: true;
      readonly reason: 'campaign_conversation' | 'organic_conversation';
      readonly touch: Touch;
    }
  | { readonly conversion: false; readonly reason: NoConversionReason };

/**
 * Campaign conversations go before organic ones, so that a reply does not take the order from the broadcast it answers; among those of one kind
 * the model decides. Nothing but its arguments counts, in whatever order they come.
 */
export function attribute(
  touches: readonly Touch[],
  order: OrderMoment,
  { windowHours, model }: Pick<AttributionSettings, 'windowHours' | 'model'>,
): Attribution {
  const sinceMs = order.atMs - windowHours * HOUR_MS;
  const before = touches.filter((touch) => touch.atMs <= order.atMs);
  const inWindow = before.filter((touch) => touch.atMs >= sinceMs);
  const earning = inWindow.filter((touch) => !isCausedBy(touch, order));
  const planned = earning.filter(({ campaign }) => campaign.type !== 'organic');
  const winner = pick(planned.length > 0 ? planned : earning, model);
  if (winner) {
    const reason = planned.length > 0 ? 'campaign_conversation' : 'organic_conversation';
    return { conversion: true, reason, touch: winner };
  }
  return { conversion: false, reason: whyNot(touches.length, before.length, inWindow.length) };
}

const isCausedBy = (touch: Touch, order: OrderMoment): boolean =>
  touch.executionId !== null && order.causedExecutions.has(touch.executionId);

function whyNot(all: number, before: number, inWindow: number): NoConversionReason {
  if (inWindow > 0) return 'caused_by_order';
  if (before > 0) return 'outside_window';
  return all > 0 ? 'after_order' : 'no_conversation';
}

function pick(touches: readonly Touch[], model: AttributionSettings['model']): Touch | undefined {
  let picked: Touch | undefined;
  for (const touch of touches) {
    if (!picked || (model === 'last_touch' ? isLater(touch, picked) : isLater(picked, touch))) picked = touch;
  }
  return picked;
}

const isLater = (a: Touch, b: Touch): boolean => (a.atMs === b.atMs ? a.key > b.key : a.atMs > b.atMs);

/** Two settings attribute alike when this is the same text. */
export const settingsText = ({
  windowHours,
  model,
  orderEventNames,
  defaultCurrency,
}: AttributionSettings): string =>
  JSON.stringify([windowHours, model, [...new Set(orderEventNames)].sort(), defaultCurrency]);

/** The organisation's own words for the same. */
export const fromOrganizationSettings = (settings: {
  readonly attributionWindowHours: number;
  readonly attributionModel: AttributionSettings['model'];
  readonly orderEventNames: readonly string[];
  readonly defaultCurrency: string | null;
}): AttributionSettings => ({
  windowHours: settings.attributionWindowHours,
  model: settings.attributionModel,
  orderEventNames: [...new Set(settings.orderEventNames)].sort(),
  defaultCurrency: settings.defaultCurrency,
});
