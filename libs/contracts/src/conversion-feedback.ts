/** A WhatsApp number of an organisation whose conversions Meta is told of, without any secret. */
export interface FeedbackChannel {
  readonly id: string;
  readonly phoneNumberId: string;
  readonly wabaId: string;
  readonly datasetId: string;
}

/** What an organisation wants Meta to be told. */
export interface FeedbackTerms {
  /** By id; at least one. */
  readonly channels: readonly FeedbackChannel[];
  readonly settings: {
    readonly orderEventNames: readonly string[];
    readonly leadEventNames: readonly string[];
    readonly defaultCurrency: string | null;
    /** A click counts for an event at most this long after it, the bound included. */
    readonly attributionWindowHours: number;
  };
}

/** The click on an ad by which a contact came to one of the numbers. */
export interface Click {
  /** As Meta names it. It has to be given back in the very same form. */
  readonly ctwaClid: string;
  readonly phoneNumberId: string;
}

/** Which click is wanted: the contact's last one within the bounds, both inside, that led to one of the numbers. */
export interface ClickQuery {
  readonly organizationId: string;
  readonly contactId: string;
  /** Milliseconds since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly phoneNumberIds: readonly string[];
}

/** Meta's are some 150 characters; what an index could not hold is no click. */
export const MAX_CLICK_CHARACTERS = 512;

/**
 * "If any event_time in data is greater than 7 days in the past, we return an error":
 * https://developers.facebook.com/documentation/ads-commerce/conversions-api/parameters/server-event
 */
const MAX_AGE_MS = 7 * 86_400_000;

/** Whether Meta refuses, when it is told then, what occurred so; what occurred at no time that can be read, too. Milliseconds since the epoch. */
export const isTooOldForMeta = (occurredAtMs: number, toldAtMs: number): boolean =>
  !(toldAtMs - occurredAtMs <= MAX_AGE_MS);
