import { createHash } from 'node:crypto';
import { ERROR_STATUS, type BatchAnswer } from '@trackline/contracts';
import { refused, type Decision, type Refused } from './decision.ts';

/** How long the first answer of an Idempotency-Key is remembered. */
export const REMEMBERED_MS = 48 * 3_600_000;
/** An answer without a verdict: whoever asks again after this hears the verdict, for the event goes by the same id. */
const REMEMBERED_WITHOUT_VERDICT_MS = 10 * 60_000;

/** What tells one request from another under the same key: its route and its body, byte by byte. */
export const fingerprintOf = (routeId: string, body: Uint8Array): string =>
  createHash('sha256').update(`${routeId}\n`).update(body).digest('base64url');

/**
 * 429 and 5xx say "not now", and a request that was not right was never carried out: neither is remembered, so the key
 * is free for the next try. What was carried out is remembered whatever came of it.
 */
export function isRemembered(decision: Decision): boolean {
  if (decision.kind === 'answered') return decision.status < 500 && !hasItemOverLimit(decision.body);
  const status = ERROR_STATUS[decision.code];
  return status !== 429 && status < 500 && decision.code !== 'VALIDATION_FAILED';
}

/** A batch of which the cap refused a part: sent again, the refused items are judged anew and the others are known by their ids. */
const hasItemOverLimit = (body: unknown): boolean => hasItem(body, 'over_limit');

const hasItem = (body: unknown, wanted: BatchAnswer['results'][number]['status']): boolean =>
  ((body as Partial<BatchAnswer> | null)?.results ?? []).some(({ status }) => status === wanted);

/** For how long, of an answer that is remembered. */
export function rememberedMs(decision: Decision): number {
  const isUnjudged =
    decision.kind === 'answered' && (decision.status === 202 || hasItem(decision.body, 'accepted'));
  return isUnjudged ? REMEMBERED_WITHOUT_VERDICT_MS : REMEMBERED_MS;
}

/** The first answer, told again. */
export const replayOf = <D extends Decision>(decision: D): D => ({
  ...decision,
  headers: { ...decision.headers, 'Idempotent-Replayed': 'true' },
});

export const keyOfAnotherRequest = (): Refused =>
  refused(
    'VALIDATION_FAILED',
    'This Idempotency-Key was used with another request: a retry must be the same byte by byte, another request needs a key of its own.',
    {
      details: [{ path: '/idempotency-key', message: 'Used with another request within the last 48 hours.' }],
    },
  );
