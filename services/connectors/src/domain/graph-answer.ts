import { retryAfterMs, type HttpAnswer } from './http-answer.ts';
import type { AttemptOutcome } from './outcome.ts';
import { shownText } from './shown.ts';

/**
 * Codes after which the same call may be made later: Meta is away or busy, a rate is used up, or the account's token or rights have to be
 * mended, which someone may do within the day. Of messages:
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes; of conversions:
 * https://developers.facebook.com/documentation/ads-commerce/marketing-api/error-reference.
 */
const NOT_NOW: ReadonlyMap<number, string> = new Map([
  [0, 'credentials'],
  [1, 'provider_fault'],
  [2, 'provider_fault'],
  [3, 'credentials'],
  [4, 'rate_limited'],
  [10, 'credentials'],
  [17, 'rate_limited'],
  [190, 'credentials'],
  [80004, 'rate_limited'],
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
  readonly error_subcode?: unknown;
  readonly message?: unknown;
  readonly error_user_msg?: unknown;
  readonly error_data?: { readonly details?: unknown };
  readonly fbtrace_id?: unknown;
}

/** `undefined`: no JSON object. */
export function parsedAnswer<Answer extends object>({ body }: HttpAnswer): Answer | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Answer) : undefined;
  } catch {
    return undefined;
  }
}

/** What an answer of Meta's Graph API that is no success says. The codes decide, as Meta advises, and only without one the status. */
export function failureOfGraph(answer: HttpAnswer, nowMs: number): AttemptOutcome {
  const { status, retryAfter } = answer;
  const { code, error_subcode, message, error_user_msg, error_data, fbtrace_id } =
    parsedAnswer<{ error?: GraphError }>(answer)?.error ?? {};
  const detail = {
    status,
    ...(typeof code === 'number' && { code }),
    ...(typeof error_subcode === 'number' && { subcode: error_subcode }),
    ...(typeof message === 'string' && { message: shownText(message, 500) }),
    ...(typeof error_user_msg === 'string' && { explanation: shownText(error_user_msg, 500) }),
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
