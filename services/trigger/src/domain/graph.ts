import type { WorkflowDefinition, WorkflowStep, WorkflowTransition } from '@trackline/contracts';

/** A step and where the execution goes from it; `null`: it has reached its end. */
export interface GraphStep {
  readonly step: WorkflowStep;
  /** After a step that does not branch. */
  readonly next: string | null;
  readonly yes: string | null;
  readonly no: string | null;
}

/** A definition as the engine walks it: nesting laid out flat, or transitions joined to their steps. */
export interface Graph {
  readonly start: string | null;
  readonly steps: ReadonlyMap<string, GraphStep>;
}

const BRANCHING = new Set(['condition', 'wait_for_event', 'wait_for_email_engagement']);

/** Whether the step goes on with `branches.yes` or `branches.no`. */
export const isBranching = ({ type }: { readonly type: string }): boolean => BRANCHING.has(type);

const STOPPING = new Set(['delay', 'wait_for_event', 'wait_for_email_engagement']);

/** Whether time may pass in the step. */
export const isStopping = ({ type }: { readonly type: string }): boolean => STOPPING.has(type);

/** Where the execution may go from the step. */
export const waysFrom = ({ next, yes, no }: GraphStep): readonly string[] =>
  [next, yes, no].filter((way) => way !== null);

/**
 * Both forms of a definition as one. Nested: a branch that is given, an empty one too, goes on with the step after the branching one; a
 * branch that is not given ends the execution. Flat: the first step begins, and where no transition leads on the execution ends.
 */
export function toGraph({ steps, transitions }: Pick<WorkflowDefinition, 'steps' | 'transitions'>): Graph {
  if (transitions) return join(steps, transitions);
  const laid = new Map<string, GraphStep>();
  return { start: lay(steps, null, laid), steps: laid };
}

/** An exit needs no config. */
const configured = (step: WorkflowStep): WorkflowStep =>
  ({ ...step, config: step.config ?? {} }) as WorkflowStep;

function lay(
  steps: readonly WorkflowStep[],
  after: string | null,
  laid: Map<string, GraphStep>,
): string | null {
  let next = after;
  for (const given of steps.toReversed()) {
    const step = configured(given);
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

function join(steps: readonly WorkflowStep[], transitions: readonly WorkflowTransition[]): Graph {
  const joined = new Map<string, GraphStep>();
  for (const step of steps) joined.set(step.id, { step: configured(step), next: null, yes: null, no: null });
  for (const { fromStepId, toStepId, condition } of transitions) {
    const from = joined.get(fromStepId);
    if (from && joined.has(toStepId))
      joined.set(fromStepId, { ...from, [condition?.branch ?? 'next']: toStepId });
  }
  return { start: steps[0]?.id ?? null, steps: joined };
}
