import { Problem } from '@trackline/contracts';

const RETRY_AFTER = { 'Retry-After': '1' };

/** Something we need is away, and nothing has happened yet. */
export const nothingRecorded = (what: string, cause?: unknown): Problem =>
  new Problem('UNAVAILABLE', `${what} Nothing was recorded: send the request again.`, {
    headers: RETRY_AFTER,
    cause,
  });

/** The broker did not confirm in time: whether it has the events is not known, and the caller must hear just that. */
export const perhapsRecorded = (isSafeToResend: boolean, cause?: unknown): Problem =>
  new Problem(
    'UNAVAILABLE',
    'The broker has not confirmed in time: what was sent may or may not have been recorded. ' +
      (isSafeToResend
        ? 'Send the same request again: it counts once.'
        : 'Sent again it may count twice; with an Idempotency-Key or a uniqueId, resending is safe.'),
    { headers: RETRY_AFTER, cause },
  );
