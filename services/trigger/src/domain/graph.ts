import type { WorkflowStep } from '@trackline/contracts';

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
export function toGraph(steps: readonly WorkflowStep[]): Graph {
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
