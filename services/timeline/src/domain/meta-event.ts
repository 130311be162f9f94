/** What Meta itself reports about the ads that bring customers into a chat. */
export type MetaKind = 'lead' | 'purchase';

const KINDS: ReadonlyMap<string, MetaKind> = new Map([
  ['whatsapp.lead_submitted', 'lead'],
  ['whatsapp.purchase', 'purchase'],
]);

export const META_EVENT_NAMES: readonly string[] = [...KINDS.keys()];

export const metaKindOf = (eventName: string): MetaKind | undefined => KINDS.get(eventName);

/** An ad that nothing names: the click is known, its ad is not. */
export const UNKNOWN_AD = 'unknown';
export const UNKNOWN_AD_NAME = 'Ad not known';

/** How the ad of one of Meta's events can be found, the surest way first. */
export interface AdTraces {
  /** The ad of the conversation that began with the event's click. */
  readonly byClick?: string;
  /** The ad of the message that the event names. */
  readonly byMessage?: string;
  /** The last ad that brought the contact before the event. */
  readonly lastBefore?: string;
  /** The ad that the event was found to be of while something told of it. */
  readonly foundBefore?: string;
}

/** A click that is not known is some other ad's: only an event without a click may be given to the last ad. */
export const adOf = (hasClick: boolean, { byClick, byMessage, lastBefore, foundBefore }: AdTraces): string =>
  byClick ?? byMessage ?? (hasClick ? undefined : lastBefore) ?? foundBefore ?? UNKNOWN_AD;
