import { decimalsOfCurrency, isTooOldForMeta, type RequestedConversion } from '@trackline/contracts';
import { failureOfGraph, parsedAnswer } from './graph-answer.ts';
import type { HttpAnswer } from './http-answer.ts';
import type { AttemptOutcome } from './outcome.ts';
import { shownText } from './shown.ts';

const SECOND_MS = 1_000;

/** Whole seconds, as Meta gets it. */
const eventTime = ({ request }: RequestedConversion): number => Math.floor(request.occurredAtMs / SECOND_MS);

/** By the time that Meta is told. */
export const isTooOld = (action: RequestedConversion, nowMs: number): boolean =>
  isTooOldForMeta(eventTime(action) * SECOND_MS, nowMs);

/**
 * The body of `POST /{dataset-id}/events`, of one event: Meta refuses a request as a whole. As documented, as of May 2026:
 * https://developers.facebook.com/documentation/ads-commerce/conversions-api/business-messaging (the call for WhatsApp),
 * https://developers.facebook.com/documentation/ads-commerce/conversions-api/parameters/server-event (`event_time`, `event_id`), and
 * https://github.com/facebook/facebook-nodejs-business-sdk/issues/305 (`whatsapp_business_account_id` is needed beside `ctwa_clid`,
 * which goes unhashed). Of the names that Meta takes with `business_messaging`, `LeadSubmitted` is the one for leads; `Lead` is refused.
 */
export function toEvents(action: RequestedConversion, wabaId: string): object {
  const { eventName, ctwaClid, worth } = action.request;
  return {
    data: [
      {
        event_name: eventName,
        event_time: eventTime(action),
        action_source: 'business_messaging',
        messaging_channel: 'whatsapp',
        event_id: action.eventId,
        user_data: { ctwa_clid: ctwaClid, whatsapp_business_account_id: wabaId },
        ...(worth && { custom_data: { currency: worth.currency, value: toAmount(worth) } }),
      },
    ],
  };
}

/** JSON's number with as many decimals as the currency has, rounded half up; exact as long as 15 digits are enough. */
function toAmount({ value, currency }: { readonly value: string; readonly currency: string }): number {
  const decimals = decimalsOfCurrency(currency);
  const [whole = '', fraction = ''] = value.split('.');
  const kept = fraction.padEnd(decimals + 1, '0').slice(0, decimals + 1);
  const rounded = (BigInt(`0${whole}${kept}`) + 5n) / 10n;
  const digits = rounded.toString().padStart(decimals + 1, '0');
  const at = digits.length - decimals;
  return Number(decimals === 0 ? digits : `${digits.slice(0, at)}.${digits.slice(at)}`);
}

interface EventsAnswer {
  readonly events_received?: unknown;
  readonly messages?: unknown;
  readonly fbtrace_id?: unknown;
}

/** What Meta said: `{"events_received":1,"messages":[],"fbtrace_id":"…"}`. */
export function outcomeOfEvents(answer: HttpAnswer, nowMs: number): AttemptOutcome {
  const { status } = answer;
  if (status < 200 || status >= 300) return failureOfGraph(answer, nowMs);
  const { events_received, messages, fbtrace_id } = parsedAnswer<EventsAnswer>(answer) ?? {};
  const detail = {
    status,
    ...(typeof events_received === 'number' && { eventsReceived: events_received }),
    ...(Array.isArray(messages) &&
      messages.length > 0 && { message: shownText(JSON.stringify(messages), 500) }),
    ...(typeof fbtrace_id === 'string' && { trace: shownText(fbtrace_id, 100) }),
  };
  // Without a word on it, it is taken as received: sending it again could count it twice.
  return events_received === 0 ? { kind: 'never', reason: 'refused', detail } : { kind: 'delivered', detail };
}
