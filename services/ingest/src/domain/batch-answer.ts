import type { BatchAnswer, Issue, Outcome } from '@trackline/contracts';
import { answered, type Decision } from './decision.ts';
import { eventLimitExceeded } from './track-answer.ts';
import { usageHeaders, type MeteredPlan } from './usage.ts';

/** What became of one item of a batch. */
export type ItemFate =
  | { readonly kind: 'invalid'; readonly issue: Issue }
  | { readonly kind: 'contact_not_found' }
  | { readonly kind: 'published'; readonly eventId: string; readonly outcome: Outcome | undefined };

export interface BatchContext {
  readonly plan: MeteredPlan;
  readonly requestedAtMs: number;
  readonly upgradeUrl: string;
}

type ItemResult = BatchAnswer['results'][number];

/** What is wrong with an item, in one line. */
export const tellIssue = ({ path, message }: Issue): string =>
  path === '' ? message : `${path}: ${message}`;

/** The answer to a batch: each item by itself, in order. Refused as a whole only when the cap refused every item. */
export function batchAnswer(fates: readonly ItemFate[], context: BatchContext): Decision {
  const results = fates.map(resultOf);
  const outcomes = fates.flatMap((fate) => (fate.kind === 'published' && fate.outcome ? [fate.outcome] : []));
  // Verdicts of one batch are reached in several partitions at once: the highest count is the last.
  const used = outcomes.reduce((highest, { monthUsed }) => Math.max(highest, monthUsed), -1);
  if (results.length > 0 && results.every(({ status }) => status === 'over_limit')) {
    return eventLimitExceeded({ ...context, used, requested: results.length });
  }
  const errors = results.flatMap(({ index, error }) =>
    error === undefined ? [] : [`events[${index}]: ${error}`],
  );
  const answer: BatchAnswer = {
    success: errors.length === 0,
    processed: results.length - errors.length,
    workflowsTriggered: sum(outcomes, (outcome) => outcome.workflowsTriggered),
    executionsResumed: sum(outcomes, (outcome) => outcome.executionsResumed),
    errors,
    results,
  };
  return answered(200, answer, used < 0 ? {} : usageHeaders(context.plan, used));
}

function resultOf(fate: ItemFate, index: number): ItemResult {
  switch (fate.kind) {
    case 'invalid':
      return { index, status: 'invalid', error: tellIssue(fate.issue) };
    case 'contact_not_found':
      return { index, status: 'contact_not_found', error: 'Contact not found' };
    case 'published':
      return publishedResult(index, fate.eventId, fate.outcome);
  }
}

function publishedResult(index: number, eventId: string, outcome: Outcome | undefined): ItemResult {
  switch (outcome?.verdict) {
    case undefined:
    case 'accepted':
      return { index, status: 'accepted', eventId };
    case 'admitted':
      return { index, status: 'admitted', eventId };
    case 'duplicate': {
      const first = outcome.duplicateOf ?? eventId;
      return { index, status: 'duplicate', eventId: first, error: `Event already exists (${first})` };
    }
    case 'over_limit':
      return { index, status: 'over_limit', eventId, error: 'The monthly event limit is exceeded' };
  }
}

const sum = (outcomes: readonly Outcome[], of: (outcome: Outcome) => number): number =>
  outcomes.reduce((total, outcome) => total + (outcome.verdict === 'admitted' ? of(outcome) : 0), 0);
