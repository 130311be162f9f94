import type { WhatsappRequest } from '@trackline/contracts';
import { retryAfterMs, type HttpAnswer } from './http-answer.ts';
import type { AttemptOutcome } from './outcome.ts';
import { shownText } from './shown.ts';

const PHONE_NUMBER_ID = /^\d{1,32}$/;

/** The number that sends, or nothing when what the workflow names cannot be one. */
export function senderOf(request: WhatsappRequest, ownPhoneNumberId: string): string | undefined {
  const id = request.phoneNumberId ?? ownPhoneNumberId;
  return PHONE_NUMBER_ID.test(id) ? id : undefined;
}

/**
 * The body of `POST /{phone-number-id}/messages`
 * (https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/message-api).
 * Meta gives `biz_opaque_callback_data` back with each status of the message.
 */
export function toMessage(actionId: string, { to, body, template }: WhatsappRequest): object | undefined {
  const head = {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to,
    biz_opaque_callback_data: actionId,
  };
  if (template) {
    const { name, language, parameters } = template;
    const components = [{ type: 'body', parameters: parameters.map((text) => ({ type: 'text', text })) }];
    return {
      ...head,
      type: 'template',
      template: { name, language: { code: language }, ...(parameters.length > 0 && { components }) },
    };
  }
  return body === undefined ? undefined : { ...head, type: 'text', text: { body } };
}

/**
 * Codes after which the same message may go out later
 * (https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes): Meta is away or busy, a rate
 * is used up, or the account's token or rights have to be mended, which someone may do within the day.
 */
const NOT_NOW: ReadonlyMap<number, string> = new Map([
  [0, 'credentials'],
  [1, 'provider_fault'],
  [2, 'provider_fault'],
  [3, 'credentials'],
  [4, 'rate_limited'],
  [10, 'credentials'],
  [190, 'credentials'],
  [80007, 'rate_limited'],
  [130429, 'rate_limited'],
  [131000, 'provider_fault'],
  [131005, 'credentials'],
  [131016, 'provider_fault'],
  [131042, 'credentials'],
  [131048, 'rate_limited'],
  [131056, 'rate_limited'],
  [131057, 'provider_fault'],
  [133004, 'provider_fault'],
  [133005, 'credentials'],
]);
const isPermission = (code: number): boolean => code >= 200 && code <= 299;

interface GraphError {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly error_data?: { readonly details?: unknown };
  readonly fbtrace_id?: unknown;
}

interface GraphAnswer {
  readonly messages?: readonly { readonly id?: unknown }[];
  readonly error?: GraphError;
}

function parsed(body: string): GraphAnswer | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What Meta said. The codes decide, as its documentation advises, and only without one the status. */
export function outcomeOfGraph(answer: HttpAnswer, nowMs: number): AttemptOutcome {
  const { status, body, retryAfter } = answer;
  const said = parsed(body);
  const id = said?.messages?.[0]?.id;
  if (status >= 200 && status < 300) {
    // Accepted all the same: sending it again would be the greater harm.
    return typeof id === 'string'
      ? { kind: 'delivered', providerMessageId: shownText(id, 500), detail: { status } }
      : { kind: 'delivered', detail: { status, note: 'The answer names no message.' } };
  }
  const { code, message, error_data, fbtrace_id } = said?.error ?? {};
  const detail = {
    status,
    ...(typeof code === 'number' && { code }),
    ...(typeof message === 'string' && { message: shownText(message, 500) }),
    ...(typeof error_data?.details === 'string' && { details: shownText(error_data.details, 500) }),
    ...(typeof fbtrace_id === 'string' && { trace: shownText(fbtrace_id, 100) }),
  };
  const reason = typeof code === 'number' ? reasonOf(code) : undefined;
  if (reason === undefined && !isLater(status, code)) return { kind: 'never', reason: 'refused', detail };
  const afterMs = retryAfterMs(retryAfter, nowMs);
  return {
    kind: 'not_now',
    reason: reason ?? 'status',
    detail,
    ...(afterMs !== undefined && { afterMs }),
  };
}

const reasonOf = (code: number): string | undefined =>
  NOT_NOW.get(code) ?? (isPermission(code) ? 'credentials' : undefined);

/** A code that is not in the list decides against another try, whatever status came with it: Meta sends 500 with some of them. */
const isLater = (status: number, code: unknown): boolean =>
  typeof code !== 'number' && (status >= 500 || status === 429 || status === 408 || status === 401);
