import {
  ENGAGEMENT_EVENTS,
  MAX_LOOKBACK_SECONDS,
  type WorkflowDefinition,
  type WorkflowStep,
} from '@trackline/contracts';

/** A step and where the execution goes from it; `null`: it has reached its end. */
export interface GraphStep {
  readonly step: WorkflowStep;
  /** After a step that does not branch. */
  readonly next: string | null;
  readonly yes: string | null;
  readonly no: string | null;
}

/** A definition as the engine walks it: the nesting laid out flat. */
export interface Graph {
  readonly start: string | null;
  readonly steps: ReadonlyMap<string, GraphStep>;
}

const BRANCHING = new Set(['condition', 'wait_for_event', 'wait_for_email_engagement']);

/** Whether the step goes on with `branches.yes` or `branches.no`. */
export const isBranching = ({ type }: { readonly type: string }): boolean => BRANCHING.has(type);

/**
 * A branch that is given, an empty one too, goes on with the step after the branching one; a branch that is not given
 * ends the execution.
 */
export function toGraph({ steps }: Pick<WorkflowDefinition, 'steps' | 'transitions'>): Graph {
  const laid = new Map<string, GraphStep>();
  return { start: lay(steps, null, laid), steps: laid };
}

function lay(
  steps: readonly WorkflowStep[],
  after: string | null,
  laid: Map<string, GraphStep>,
): string | null {
  let next = after;
  for (const given of steps.toReversed()) {
    // An exit needs none.
    const step = { ...given, config: given.config ?? {} } as WorkflowStep;
    const branch = (inner: readonly WorkflowStep[] | undefined) => (inner ? lay(inner, next, laid) : null);
    laid.set(
      step.id,
      isBranching(step)
        ? { step, next: null, yes: branch(step.branches?.yes), no: branch(step.branches?.no) }
        : { step, next: step.type === 'exit' ? null : next, yes: null, no: null },
    );
    next = step.id;
  }
  return next;
}

/** The events that a wait is ended by; none for a step that is no wait. */
export function eventsOf(step: WorkflowStep): readonly string[] {
  if (step.type === 'wait_for_email_engagement') return [ENGAGEMENT_EVENTS[step.config.engagementType]];
  if (step.type !== 'wait_for_event') return [];
  const { eventName, eventNames = [] } = step.config;
  return eventName === undefined ? eventNames : [eventName, ...eventNames];
}

/** How far a wait looks back. For what becomes of an email it does as far as there is memory: it may have been opened before. */
export function lookbackSecondsOf(step: WorkflowStep): number {
  if (step.type === 'wait_for_email_engagement') return MAX_LOOKBACK_SECONDS;
  return step.type === 'wait_for_event' ? (step.config.lookbackSeconds ?? 0) : 0;
}

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
