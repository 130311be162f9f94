import type { AttemptOutcome, Detail } from './outcome.ts';
import { shownText } from './shown.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly retryAfter?: string | undefined;
  /** The beginning of the body. */
  readonly body: string;
}

/** 4xx that say "not now": a timeout, a conflict, too early, too many. All others say "not like this". */
const RETRIED = new Set([408, 409, 425, 429]);
const MAX_BODY_CHARACTERS = 500;

/** Seconds or a date, as RFC 9110 has it. What cannot be read asks for nothing. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const atMs = /^[A-Za-z]{3}, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

/** What a webhook's receiver says by its status. */
export function outcomeOfAnswer({ status, retryAfter, body }: HttpAnswer, nowMs: number): AttemptOutcome {
  const detail: Detail = { status, ...(body !== '' && { body: shownText(body, MAX_BODY_CHARACTERS) }) };
  if (status >= 200 && status < 300) return { kind: 'delivered', detail };
  if (status < 500 && !RETRIED.has(status)) return { kind: 'never', reason: 'refused', detail };
  const afterMs = retryAfterMs(retryAfter, nowMs);
  return { kind: 'not_now', reason: 'status', detail, ...(afterMs !== undefined && { afterMs }) };
}
