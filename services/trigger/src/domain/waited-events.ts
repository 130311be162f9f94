import {
  DEFAULT_ENGAGEMENT_SECONDS,
  DEFAULT_WAIT_SECONDS,
  ENGAGEMENT_EVENTS,
  MAX_LOOKBACK_SECONDS,
  type WorkflowDefinition,
  type WorkflowStep,
} from '@trackline/contracts';

export type WaitStep = Extract<WorkflowStep, { type: 'wait_for_event' | 'wait_for_email_engagement' }>;

export const isWait = (step: WorkflowStep): step is WaitStep =>
  step.type === 'wait_for_event' || step.type === 'wait_for_email_engagement';

/** The events that a wait is ended by; none for a step that is no wait. */
export function eventsOf(step: WorkflowStep): readonly string[] {
  if (step.type === 'wait_for_email_engagement') return [ENGAGEMENT_EVENTS[step.config.engagementType]];
  if (step.type !== 'wait_for_event') return [];
  const { eventName, eventNames = [] } = step.config;
  return [...new Set(eventName === undefined ? eventNames : [eventName, ...eventNames])];
}

/** How far a wait looks back. For what becomes of an email it does as far as there is memory: it may have been opened before. */
export function lookbackSecondsOf(step: WorkflowStep): number {
  if (step.type === 'wait_for_email_engagement') return MAX_LOOKBACK_SECONDS;
  return step.type === 'wait_for_event' ? (step.config.lookbackSeconds ?? 0) : 0;
}

export const timeoutSecondsOf = (step: WaitStep): number =>
  step.config.timeoutSeconds ??
  (step.type === 'wait_for_event' ? DEFAULT_WAIT_SECONDS : DEFAULT_ENGAGEMENT_SECONDS);

/** The names of all events that some wait of the definition is ended by. */
export const waitedFor = (definition: Pick<WorkflowDefinition, 'steps'>): ReadonlySet<string> =>
  new Set(allSteps(definition.steps).flatMap(eventsOf));

/** The names of all events that some wait of the definition looks back for, and for how many seconds. */
export function lookedBack(definition: Pick<WorkflowDefinition, 'steps'>): ReadonlyMap<string, number> {
  const longest = new Map<string, number>();
  for (const step of allSteps(definition.steps)) {
    const seconds = lookbackSecondsOf(step);
    if (seconds > 0)
      for (const name of eventsOf(step)) longest.set(name, Math.max(seconds, longest.get(name) ?? 0));
  }
  return longest;
}

const allSteps = (steps: readonly WorkflowStep[]): readonly WorkflowStep[] =>
  steps.flatMap((step) => [
    step,
    ...allSteps(step.branches?.yes ?? []),
    ...allSteps(step.branches?.no ?? []),
  ]);
