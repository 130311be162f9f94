/** What one attempt came to. */
export type AttemptOutcome =
  | { readonly kind: 'delivered'; readonly providerMessageId?: string; readonly detail: Detail }
  /** No credentials are set: it was shown in the log. */
  | { readonly kind: 'logged'; readonly detail: Detail }
  /** May go well another time. `afterMs`: the destination asks not to come before; heard up to the longest delay. */
  | {
      readonly kind: 'not_now';
      readonly reason: string;
      readonly detail: Detail;
      readonly afterMs?: number;
    }
  /** Will never go well as it is. */
  | { readonly kind: 'never'; readonly reason: string; readonly detail: Detail };

/** For people: a status, a code, a message. Never a secret. */
export type Detail = Readonly<Record<string, unknown>>;

export interface RetryPolicy {
  readonly maxAttempts: number;
  /** After which no attempt is made any more. */
  readonly maxAgeMs: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

/** What is to be done with the delivery. */
export type Next =
  | {
      readonly kind: 'ended';
      readonly status: 'delivered' | 'logged';
      readonly providerMessageId?: string;
      readonly detail: Detail;
    }
  | { readonly kind: 'given_up'; readonly reason: string; readonly detail: Detail }
  | { readonly kind: 'again'; readonly inMs: number; readonly detail: Detail };

/**
 * Exponential with full jitter: anything from nothing to the bound, so that what failed together does not come back together.
 * `random` is in [0, 1).
 */
export function backoffMs(
  attempts: number,
  { firstDelayMs, maxDelayMs }: RetryPolicy,
  random: number,
): number {
  const bound = Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(attempts - 1, 40));
  return Math.round(bound * random);
}

/** Decides before an attempt, which a process that died in the ones before leaves to this moment. `attempts` counts the one to come. */
export function spentBefore(
  { attempts, ageMs }: { readonly attempts: number; readonly ageMs: number },
  { maxAttempts, maxAgeMs }: RetryPolicy,
): AttemptOutcome | undefined {
  const gaveUpAfter =
    attempts > maxAttempts
      ? `${maxAttempts} attempts`
      : ageMs > maxAgeMs
        ? `${Math.round(ageMs / 1_000)} seconds`
        : undefined;
  return gaveUpAfter === undefined
    ? undefined
    : { kind: 'never', reason: 'gave_up', detail: { gaveUpAfter } };
}

/**
 * Decides after an attempt. `attempts` counts it. A destination that asks for more than the longest delay is asked again after that:
 * one answer to one attempt does not use up the whole of a delivery's time.
 */
export function decideNext(
  outcome: AttemptOutcome,
  { attempts, ageMs }: { readonly attempts: number; readonly ageMs: number },
  policy: RetryPolicy,
  random: number,
): Next {
  if (outcome.kind === 'delivered' || outcome.kind === 'logged') {
    const { kind: status, detail } = outcome;
    const named = outcome.kind === 'delivered' && outcome.providerMessageId !== undefined;
    return {
      kind: 'ended',
      status,
      detail,
      ...(named && { providerMessageId: outcome.providerMessageId }),
    };
  }
  const detail = { reason: outcome.reason, ...outcome.detail };
  if (outcome.kind === 'never') return { kind: 'given_up', reason: outcome.reason, detail };
  const inMs = Math.max(
    backoffMs(attempts, policy, random),
    Math.min(outcome.afterMs ?? 0, policy.maxDelayMs),
  );
  const spent =
    attempts >= policy.maxAttempts
      ? `${attempts} attempts`
      : ageMs + inMs > policy.maxAgeMs
        ? `${Math.round(ageMs / 1_000)} seconds`
        : undefined;
  if (spent === undefined) return { kind: 'again', inMs, detail };
  return { kind: 'given_up', reason: 'gave_up', detail: { ...detail, gaveUpAfter: spent } };
}
