import {
  encodeCompletedAction,
  partitionOf,
  type AnyCompletedAction,
  type AnyRequestedAction,
  type CompletedAction,
} from '@trackline/contracts';
import { CONTACT_ERASED, ERASED } from '../domain/contact-erased.ts';
import type { ClaimedDelivery } from '../domain/delivery.ts';
import {
  backoffMs,
  decideNext,
  spentBefore,
  type AttemptOutcome,
  type Next,
  type RetryPolicy,
} from '../domain/outcome.ts';
import type { DeliveryStore, Ending, FoundBefore, Message, Sender } from '../ports.ts';

export interface DeliverDependencies {
  readonly store: Pick<DeliveryStore, 'again' | 'putBack' | 'end'>;
  readonly senders: Readonly<Record<ClaimedDelivery['action']['kind'], Sender>>;
  /** The message that lies in the dead letters when a delivery is given up. */
  readonly toLetter: (delivery: ClaimedDelivery, reason: string, detail: string) => Message;
  readonly policy: RetryPolicy;
  readonly contactPartitions: number;
  /** Of one attempt: none begins that could outlast its lease. */
  readonly timeoutMs: number;
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly onAttempt: (
    delivery: ClaimedDelivery,
    fate: AttemptFate,
    outcome: AttemptOutcome | NotTried,
  ) => void;
  readonly onFault: (error: unknown, delivery: ClaimedDelivery) => void;
}

export type AttemptFate = 'delivered' | 'logged' | 'given_up' | 'again' | 'put_back' | 'lease_lost';

/** Why nothing was sent. */
type NotTried = { readonly kind: 'not_tried'; readonly reason: string };

const SETTLE_PAUSE_MS = 200;

/**
 * One attempt: send → decide → settle. Between sending and settling lies the one gap that nothing can close: who dies in it sends again,
 * by the same id.
 */
export const deliver =
  (use: DeliverDependencies) =>
  async (delivery: ClaimedDelivery, found: Promise<FoundBefore>): Promise<void> => {
    const outcome = await attempt(delivery, found, use);
    if (outcome.kind === 'not_tried') {
      const inMs = backoffMs(1, use.policy, use.random());
      const isOurs = await settle(delivery, () => use.store.putBack(delivery, inMs), use);
      return use.onAttempt(delivery, isOurs ? 'put_back' : 'lease_lost', outcome);
    }
    const next = decideNext(outcome, delivery, use.policy, use.random());
    const isOurs = await settle(delivery, () => write(delivery, next, use), use);
    use.onAttempt(delivery, isOurs ? fateOf(next) : 'lease_lost', outcome);
  };

const fateOf = (next: Next): AttemptFate => (next.kind === 'ended' ? next.status : next.kind);

async function attempt(
  delivery: ClaimedDelivery,
  found: Promise<FoundBefore>,
  { senders, timeoutMs, nowMs, onFault, policy }: DeliverDependencies,
): Promise<AttemptOutcome | NotTried> {
  let before: FoundBefore;
  try {
    before = await found;
  } catch (error) {
    onFault(error, delivery);
    return spentBefore(delivery, policy) ?? { kind: 'not_tried', reason: 'credentials_not_read' };
  }
  if (before && 'erased' in before) return { kind: 'never', reason: ERASED, detail: CONTACT_ERASED };
  const spent = spentBefore(delivery, policy);
  if (spent) return spent;
  // Another may have it by the time that the answer comes.
  if (nowMs() + timeoutMs > delivery.leaseEndsAtMs) return { kind: 'not_tried', reason: 'lease_too_short' };
  if (before && 'unreadable' in before)
    return { kind: 'not_now', reason: 'credentials', detail: { message: before.unreadable } };
  try {
    return await senders[delivery.action.kind](delivery, before);
  } catch (error) {
    onFault(error, delivery);
    return { kind: 'not_now', reason: 'fault', detail: { message: 'An error on our side.' } };
  }
}

/** Again and again while the lease lasts: a database that is away for a moment must not make a delivery go out twice. */
async function settle(
  delivery: ClaimedDelivery,
  settleOnce: () => Promise<boolean>,
  use: DeliverDependencies,
): Promise<boolean> {
  for (;;) {
    try {
      return await settleOnce();
    } catch (error) {
      if (use.nowMs() + SETTLE_PAUSE_MS >= delivery.leaseEndsAtMs) throw error;
      use.onFault(error, delivery);
      await new Promise((resolve) => setTimeout(resolve, SETTLE_PAUSE_MS));
    }
  }
}

const write = (delivery: ClaimedDelivery, next: Next, use: DeliverDependencies): Promise<boolean> =>
  next.kind === 'again'
    ? use.store.again(delivery, next.inMs, next.detail)
    : use.store.end(delivery, toEnding(delivery, next, use));

function toEnding(
  delivery: ClaimedDelivery,
  next: Exclude<Next, { kind: 'again' }>,
  { toLetter, contactPartitions, nowMs }: DeliverDependencies,
): Ending {
  const status = next.kind === 'ended' ? next.status : 'failed';
  const providerMessageId = next.kind === 'ended' ? next.providerMessageId : undefined;
  const how = {
    status,
    ...(providerMessageId !== undefined && { providerMessageId }),
    detail: next.detail,
    completedAtMs: nowMs(),
  } as const;
  const messages = [toCompletion(delivery, how, contactPartitions)];
  // Of whoever was erased no letter is kept.
  if (next.kind === 'given_up' && next.reason !== ERASED)
    messages.push(toLetter(delivery, next.reason, JSON.stringify(next.detail)));
  return { status, providerMessageId, detail: next.detail, messages };
}

function askedBy(action: AnyRequestedAction) {
  const { id, organizationId, contactId } = action;
  if (action.kind === 'conversion') {
    const { eventId, kind } = action;
    return { id, organizationId, contactId, eventId, kind };
  }
  const { executionId, workflowId, stepId, visit, kind } = action;
  return { id, organizationId, contactId, executionId, workflowId, stepId, visit, kind };
}

/** How an action has ended, as it is told. */
export function toCompletion(
  { action, attempts }: Pick<ClaimedDelivery, 'action' | 'attempts'>,
  how: Pick<CompletedAction, 'status' | 'providerMessageId' | 'detail' | 'completedAtMs'>,
  contactPartitions: number,
): Message {
  const completed: AnyCompletedAction = { ...askedBy(action), attempts, ...how };
  const { topic, key, value, headers } = encodeCompletedAction(completed);
  return {
    topic,
    partition: partitionOf(key!, contactPartitions),
    key,
    value: String(value),
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, String(text)])),
  };
}
