import {
  amountOf,
  conversionId,
  currencyOf,
  isTooOldForMeta,
  MAX_CLICK_CHARACTERS,
  type AdmittedEvent,
  type Click,
  type ConversionEvent,
  type FeedbackChannel,
  type FeedbackTerms,
  type RequestedConversion,
  type SaidWorth,
} from '@trackline/contracts';

export type ConvertibleEvent = Pick<
  AdmittedEvent,
  'organizationId' | 'contactId' | 'eventId' | 'name' | 'occurredAtMs' | 'receivedAtMs'
>;

/** What is known about the orders and leads of a batch, by which it is decided what Meta is told. */
export interface FeedbackWorld {
  /** By organisation. Empty where nobody wants Meta to be told. */
  readonly terms: ReadonlyMap<string, FeedbackTerms>;
  /** By event: the contact's last click before it, for an event that names none itself. */
  readonly clicks: ReadonlyMap<string, Click>;
}

export const NO_FEEDBACK: FeedbackWorld = { terms: new Map(), clicks: new Map() };

/** Why Meta is not told. `no_worth`: an order without a price or a currency, which Meta takes no purchase without. */
export type LeftOut = 'no_click' | 'no_channel' | 'no_worth' | 'too_old';

export type ConversionFate = 'requested' | LeftOut;

export type ConversionDecision =
  { readonly fate: 'requested'; readonly action: RequestedConversion } | { readonly fate: LeftOut };

/** What Meta names its own: it knows of these, and hearing of them once more it would count them twice. */
const META_PREFIX = 'whatsapp.';

/** Of an event that is both an order and a lead, the order counts. */
export function conversionEventOf(
  name: string,
  { settings: { orderEventNames, leadEventNames } }: FeedbackTerms,
): ConversionEvent | undefined {
  if (name.startsWith(META_PREFIX)) return undefined;
  if (orderEventNames.includes(name)) return 'Purchase';
  return leadEventNames.includes(name) ? 'LeadSubmitted' : undefined;
}

type Times = Pick<AdmittedEvent, 'occurredAtMs' | 'receivedAtMs'>;

/** No event occurs after it was received: a clock ahead of ours must not make one that Meta finds in its future. */
export const occurredAt = ({ occurredAtMs, receivedAtMs }: Times): number =>
  Math.min(occurredAtMs, receivedAtMs);

/** Already when it was received, or at no time that can be read. */
export const isTooOld = (event: Times): boolean => isTooOldForMeta(occurredAt(event), event.receivedAtMs);

type Properties = Readonly<Record<string, unknown>>;

/** The click that the event names itself. */
export function ownClick(properties: Properties): string | undefined {
  const said = textOf(properties['ctwa_clid'])?.trim() ?? '';
  return said === '' || said.length > MAX_CLICK_CHARACTERS ? undefined : said;
}

/**
 * What Meta is to be told of an event that is an order or a lead; `click` is the contact's last one, for an event that names none
 * itself. Pure.
 */
export function decideConversion(
  event: ConvertibleEvent,
  eventName: ConversionEvent,
  properties: Properties,
  { terms, click }: { readonly terms: FeedbackTerms; readonly click: Click | undefined },
): ConversionDecision {
  if (isTooOld(event)) return { fate: 'too_old' };
  const named = ownClick(properties);
  const ctwaClid = named ?? click?.ctwaClid;
  if (ctwaClid === undefined) return { fate: 'no_click' };
  const phoneNumberId = named === undefined ? click?.phoneNumberId : textOf(properties['phone_number_id']);
  const channel = channelOf(terms.channels, phoneNumberId);
  if (!channel) return { fate: 'no_channel' };
  const worth = eventName === 'Purchase' ? worthOf(properties, terms.settings.defaultCurrency) : undefined;
  if (eventName === 'Purchase' && !worth) return { fate: 'no_worth' };
  const { organizationId, contactId, eventId, receivedAtMs: requestedAtMs } = event;
  const occurredAtMs = occurredAt(event);
  const request = { eventName, channelId: channel.id, ctwaClid, occurredAtMs, ...(worth && { worth }) };
  const id = conversionId(organizationId, eventId);
  return {
    fate: 'requested',
    action: { id, organizationId, contactId, eventId, requestedAtMs, kind: 'conversion', request },
  };
}

/** Without a number, the one place that all of them tell: which of several the click belongs to is not guessed. */
function channelOf(
  channels: readonly FeedbackChannel[],
  phoneNumberId: string | undefined,
): FeedbackChannel | undefined {
  if (phoneNumberId !== undefined) return channels.find((one) => one.phoneNumberId === phoneNumberId);
  const [first] = channels;
  const isSame = (one: FeedbackChannel): boolean =>
    one.wabaId === first?.wabaId && one.datasetId === first.datasetId;
  return channels.every(isSame) ? first : undefined;
}

/** As attribution reads it. Money that goes back is no purchase. */
function worthOf(
  properties: Properties,
  defaultCurrency: string | null,
): { readonly value: string; readonly currency: string } | undefined {
  const said = (name: string): string | null => textOf(properties[name]) ?? null;
  const worth: SaidWorth = {
    value: said('value'),
    amount: said('amount'),
    total: said('total'),
    orderTotal: said('order_total'),
    currency: said('currency'),
  };
  const value = amountOf(worth);
  const currency = currencyOf(worth) ?? defaultCurrency;
  return value === null || value.startsWith('-') || currency === null ? undefined : { value, currency };
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;
