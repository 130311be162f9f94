import type { Outcome, TrackAnswer } from '@trackline/contracts';
import { answered, refused, type Decision, type Refused } from './decision.ts';
import { percentOf } from '@trackline/contracts';
import { resetsAtMs, usageHeaders, type MeteredPlan } from './usage.ts';

export interface TrackContext {
  readonly eventId: string;
  readonly contactCreated: boolean;
  readonly plan: MeteredPlan;
  /** When the request came: of two months it is the one in which the event may have been refused. */
  readonly requestedAtMs: number;
  readonly upgradeUrl: string;
}

/** The answer to one event. `outcome` is missing when there was none before the deadline, or nobody waited for it. */
export function trackAnswer(outcome: Outcome | undefined, context: TrackContext): Decision {
  if (outcome === undefined || outcome.verdict === 'accepted') return acceptedAnswer(context);
  const headers = usageHeaders(context.plan, outcome.monthUsed);
  switch (outcome.verdict) {
    case 'admitted':
      return answered(200, effects(context, outcome.workflowsTriggered, outcome.executionsResumed), headers);
    case 'duplicate':
      return refused('DUPLICATE_EVENT', 'Event already exists', {
        headers,
        extra: { eventId: outcome.duplicateOf ?? outcome.eventId },
      });
    case 'over_limit':
      return eventLimitExceeded({ ...context, used: outcome.monthUsed, requested: 1 });
  }
}

export const contactNotFound = (): Refused => refused('CONTACT_NOT_FOUND', 'Contact not found');

function acceptedAnswer(context: TrackContext): Decision {
  return answered(202, { ...effects(context, 0, 0), status: 'accepted' });
}

const effects = (
  { eventId, contactCreated }: TrackContext,
  workflowsTriggered: number,
  executionsResumed: number,
): TrackAnswer => ({ success: true, contactCreated, workflowsTriggered, executionsResumed, eventId });

export interface LimitContext {
  readonly plan: MeteredPlan;
  readonly requestedAtMs: number;
  readonly upgradeUrl: string;
  readonly used: number;
  /** Events in the request. */
  readonly requested: number;
}

/** Past the hard cap: nothing is remembered of the event, it may be sent again when the month is over. */
export function eventLimitExceeded({
  plan,
  requestedAtMs,
  upgradeUrl,
  used,
  requested,
}: LimitContext): Refused {
  const resetsAt = resetsAtMs(requestedAtMs);
  return refused(
    'EVENT_LIMIT_EXCEEDED',
    `The plan's ${plan.monthlyLimit} events of this month are used up, and its tolerance too (${plan.hardCap}). ` +
      `Events are accepted again from ${new Date(resetsAt).toISOString()}, or at once on a larger plan.`,
    {
      error: 'event_limit_exceeded',
      headers: {
        ...usageHeaders(plan, used),
        'X-Event-Exceeded': 'true',
        'Retry-After': String(Math.max(1, Math.ceil((resetsAt - requestedAtMs) / 1000))),
      },
      extra: {
        upgradeUrl,
        current: used,
        limit: plan.monthlyLimit,
        hardCap: plan.hardCap,
        requested,
        percentUsed: percentOf(used, plan.monthlyLimit),
        resetsAt: new Date(resetsAt).toISOString(),
      },
    },
  );
}
