import { encodeCompletedAction, partitionOf, type CompletedAction } from '@trackline/contracts';
import type { ClaimedDelivery } from '../domain/delivery.ts';
import { decideNext, type AttemptOutcome, type Next, type RetryPolicy } from '../domain/outcome.ts';
import type { DeliveryStore, Ending, FoundCredentials, Message, Sender } from '../ports.ts';

export interface DeliverDependencies {
  readonly store: Pick<DeliveryStore, 'again' | 'end'>;
  readonly senders: Readonly<Record<ClaimedDelivery['action']['kind'], Sender>>;
  /** The message that lies in the dead letters when a delivery is given up. */
  readonly toLetter: (delivery: ClaimedDelivery, reason: string, detail: string) => Message;
  readonly policy: RetryPolicy;
  readonly contactPartitions: number;
  readonly leaseMs: number;
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly onAttempt: (delivery: ClaimedDelivery, fate: AttemptFate, outcome: AttemptOutcome) => void;
  readonly onFault: (error: unknown, delivery: ClaimedDelivery) => void;
}

export type AttemptFate = 'delivered' | 'logged' | 'given_up' | 'again' | 'lease_lost';

const SETTLE_PAUSE_MS = 200;

/**
 * One attempt: send → decide → settle. Between sending and settling lies the one gap that nothing can close: who dies in it sends again,
 * by the same id.
 */
export const deliver =
  (use: DeliverDependencies) =>
  async (delivery: ClaimedDelivery, credentials: FoundCredentials): Promise<void> => {
    const claimedAtMs = use.nowMs();
    const outcome = await attempt(delivery, credentials, use);
    const next = decideNext(outcome, delivery, use.policy, use.random());
    const isOurs = await settle(delivery, next, claimedAtMs + use.leaseMs, use);
    use.onAttempt(delivery, isOurs ? fateOf(next) : 'lease_lost', outcome);
  };

const fateOf = (next: Next): AttemptFate => (next.kind === 'ended' ? next.status : next.kind);

async function attempt(
  delivery: ClaimedDelivery,
  credentials: FoundCredentials,
  { senders, onFault }: DeliverDependencies,
): Promise<AttemptOutcome> {
  if (credentials && 'unreadable' in credentials)
    return { kind: 'not_now', reason: 'credentials', detail: { message: credentials.unreadable } };
  try {
    return await senders[delivery.action.kind](delivery, credentials);
  } catch (error) {
    onFault(error, delivery);
    return { kind: 'not_now', reason: 'fault', detail: { message: 'An error on our side.' } };
  }
}

/** Again and again while the lease lasts: a database that is away for a moment must not make a delivery go out twice. */
async function settle(
  delivery: ClaimedDelivery,
  next: Next,
  untilMs: number,
  use: DeliverDependencies,
): Promise<boolean> {
  for (;;) {
    try {
      return next.kind === 'again'
        ? await use.store.again(delivery, next.inMs, next.detail)
        : await use.store.end(delivery, toEnding(delivery, next, use));
    } catch (error) {
      if (use.nowMs() + SETTLE_PAUSE_MS >= untilMs) throw error;
      use.onFault(error, delivery);
      await new Promise((resolve) => setTimeout(resolve, SETTLE_PAUSE_MS));
    }
  }
}

function toEnding(
  delivery: ClaimedDelivery,
  next: Exclude<Next, { kind: 'again' }>,
  { toLetter, contactPartitions, nowMs }: DeliverDependencies,
): Ending {
  const { action, attempts } = delivery;
  const status = next.kind === 'ended' ? next.status : 'failed';
  const providerMessageId = next.kind === 'ended' ? next.providerMessageId : undefined;
  const completed: CompletedAction = {
    id: action.id,
    organizationId: action.organizationId,
    contactId: action.contactId,
    executionId: action.executionId,
    workflowId: action.workflowId,
    stepId: action.stepId,
    visit: action.visit,
    kind: action.kind,
    status,
    attempts,
    ...(providerMessageId !== undefined && { providerMessageId }),
    detail: next.detail,
    completedAtMs: nowMs(),
  };
  const messages = [toCompleted(completed, contactPartitions)];
  if (next.kind === 'given_up') messages.push(toLetter(delivery, next.reason, JSON.stringify(next.detail)));
  return { status, providerMessageId, detail: next.detail, messages };
}

function toCompleted(completed: CompletedAction, contactPartitions: number): Message {
  const { topic, key, value, headers } = encodeCompletedAction(completed);
  return {
    topic,
    partition: partitionOf(key!, contactPartitions),
    key,
    value: String(value),
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, String(text)])),
  };
}
