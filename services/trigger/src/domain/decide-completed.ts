import type { CompletedAction } from '@trackline/contracts';
import { advance } from './advance.ts';
import type { Tools } from './board.ts';
import { EffectCollector, type Effects } from './effects.ts';
import type { Execution, StepVisit, Workflow } from './execution.ts';
import { isRequest } from './render-request.ts';
import { storable, storableText } from './storable.ts';

/** Everything that was read for a batch of completed actions. */
export interface CompletedWorld {
  /** By execution, then by the visit's number: those that requested the actions. */
  readonly visits: ReadonlyMap<string, ReadonlyMap<number, StepVisit>>;
  /** By id: those whose action failed. */
  readonly executions: ReadonlyMap<string, Execution>;
  readonly workflowOf: (execution: Execution) => Workflow | undefined;
  readonly nowMs: number;
}

export interface CompletedDecision {
  readonly effects: Effects;
  /** Of visits that are not there, or show it already. */
  readonly ignored: number;
}

/**
 * Shows on each step how what it requested has ended. The execution has gone on long ago and goes on; it fails only when the step
 * says `onFailure: fail`, wherever it stands by then. Told again, nothing changes; what failed and was tried again by hand is shown as it
 * turned out in the end. Pure.
 */
export function decideCompleted(
  completed: readonly CompletedAction[],
  { visits, executions, workflowOf, nowMs }: CompletedWorld,
  { newId, applyUpdates }: Tools,
): CompletedDecision {
  const effects = new EffectCollector(newId);
  const moved = new Map(executions);
  let ignored = 0;
  for (const action of completed) {
    const { executionId, visit: number } = action;
    const visit = effects.visits.get(executionId)?.get(number) ?? visits.get(executionId)?.get(number);
    if (!visit || !concerns(visit, action)) {
      ignored += 1;
      continue;
    }
    effects.show(action.executionId, withDelivery(visit, action));
    const execution = moved.get(action.executionId);
    const workflow = execution && workflowOf(execution);
    // What the first failure did stands: the execution may have been tried again since, and be past it.
    if (!execution || !workflow || shownOn(visit) || !fails(workflow, action)) continue;
    const input = { kind: 'undelivered', stepId: action.stepId } as const;
    const failed = advance(workflow, execution, input, { nowMs, contact: undefined, applyUpdates });
    if (!failed) continue;
    effects.add(execution, failed);
    moved.set(execution.id, failed.execution);
  }
  return { effects, ignored };
}

function concerns(visit: StepVisit, action: CompletedAction): boolean {
  if (visit.stepId !== action.stepId || visit.detail?.actionId !== action.id) return false;
  const shown = shownOn(visit);
  return (
    shown === undefined || (shown.status === 'failed' && Date.parse(shown.completedAt) < action.completedAtMs)
  );
}

interface Delivery extends Pick<CompletedAction, 'status' | 'attempts' | 'providerMessageId'> {
  readonly completedAt: string;
  readonly detail?: unknown;
}

/** How the action ended as the step shows it so far. */
const shownOn = ({ detail }: StepVisit): Delivery | undefined => detail?.delivery as Delivery | undefined;

function fails({ graph }: Workflow, { status, stepId }: CompletedAction): boolean {
  const step = graph.steps.get(stepId)?.step;
  return status === 'failed' && step !== undefined && isRequest(step) && step.config.onFailure === 'fail';
}

function withDelivery(
  visit: StepVisit,
  { status, attempts, providerMessageId, detail, completedAtMs }: CompletedAction,
): StepVisit {
  const delivery: Delivery = {
    status,
    attempts,
    completedAt: new Date(completedAtMs).toISOString(),
    ...(providerMessageId !== undefined && { providerMessageId: storableText(providerMessageId) }),
    ...(detail && { detail: storable(detail) }),
  };
  if (status === 'failed')
    return { ...visit, status, detail: { ...visit.detail, reason: 'not_delivered', delivery } };
  const { reason: _reason, ...rest } = visit.detail ?? {};
  return { ...visit, status: 'completed', detail: { ...rest, delivery } };
}
