import type { CompletedAction } from '@trackline/contracts';
import { advance } from './advance.ts';
import type { Tools } from './board.ts';
import { EffectCollector, type Effects } from './effects.ts';
import type { Execution, StepVisit, Workflow } from './execution.ts';
import { isRequest } from './render-request.ts';

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
 * says `onFailure: fail`, wherever it stands by then. Told again, nothing changes. Pure.
 */
export function decideCompleted(
  completed: readonly CompletedAction[],
  { visits, executions, workflowOf, nowMs }: CompletedWorld,
  { newId, applyUpdates }: Tools,
): CompletedDecision {
  const effects = new EffectCollector(newId);
  const moved = new Map(executions);
  const told = new Set<string>();
  let ignored = 0;
  for (const action of completed) {
    const visit = visits.get(action.executionId)?.get(action.visit);
    if (!visit || !concerns(visit, action) || told.has(action.id)) {
      ignored += 1;
      continue;
    }
    told.add(action.id);
    effects.show(action.executionId, withDelivery(visit, action));
    const execution = moved.get(action.executionId);
    const workflow = execution && workflowOf(execution);
    if (!execution || !workflow || !fails(workflow, action)) continue;
    const input = { kind: 'undelivered', stepId: action.stepId } as const;
    const failed = advance(workflow, execution, input, { nowMs, contact: undefined, applyUpdates });
    if (!failed) continue;
    effects.add(execution, failed);
    moved.set(execution.id, failed.execution);
  }
  return { effects, ignored };
}

const concerns = ({ stepId, detail }: StepVisit, action: CompletedAction): boolean =>
  stepId === action.stepId && detail?.actionId === action.id && detail.delivery === undefined;

function fails({ graph }: Workflow, { status, stepId }: CompletedAction): boolean {
  const step = graph.steps.get(stepId)?.step;
  return status === 'failed' && step !== undefined && isRequest(step) && step.config.onFailure === 'fail';
}

function withDelivery(
  visit: StepVisit,
  { status, attempts, providerMessageId, detail, completedAtMs }: CompletedAction,
): StepVisit {
  const delivery = {
    status,
    attempts,
    completedAt: new Date(completedAtMs).toISOString(),
    ...(providerMessageId !== undefined && { providerMessageId }),
    ...(detail && { detail }),
  };
  const isFailed = status === 'failed';
  return {
    ...visit,
    ...(isFailed && { status: 'failed' }),
    detail: { ...visit.detail, ...(isFailed && { reason: 'not_delivered' }), delivery },
  };
}
