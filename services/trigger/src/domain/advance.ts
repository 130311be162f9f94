import { hasEnded, type Execution, type Workflow } from './execution.ts';
import { isReleased } from './hold.ts';
import type { Advance, Input, Surroundings } from './inputs.ts';
import { Run } from './run.ts';
import { endsWait } from './waits.ts';

/**
 * Moves an execution as far as it can go: until it waits, is delayed, is held by a pause, or ends. `undefined`: the input does not
 * concern it as it stands now. Pure: what it decides has no effect until its caller has stored it.
 */
export function advance(
  workflow: Workflow,
  execution: Execution,
  input: Input,
  surroundings: Surroundings,
): Advance | undefined {
  if (!concerns(workflow, execution, input, surroundings)) return undefined;
  const run = new Run(workflow, execution, surroundings);
  try {
    return take(run, workflow, execution, input);
  } catch (error) {
    // A fault of ours ends the execution that it concerns, in plain sight; thrown, it would hold up all others of its partition.
    return run.broken(error);
  }
}

/** Ends an execution that no way leads on from: what it would become cannot be stored. */
export const breakOff = (
  workflow: Workflow,
  execution: Execution,
  reason: string,
  surroundings: Surroundings,
): Advance => new Run(workflow, execution, surroundings).broken(new Error(reason));

/** Why a person cannot have the execution tried again; `undefined`: he can. */
export function retryProblem({ status, retryFrom }: Execution, workflow: Workflow): string | undefined {
  if (status !== 'failed') return `Only a failed execution can be retried: this one is ${status}.`;
  if (workflow.status === 'archived') return 'The workflow is archived: nothing of it runs any more.';
  if (retryFrom === null || !workflow.graph.steps.has(retryFrom))
    return 'Its definition says that it fails, whatever happens: there is nothing that could turn out differently.';
  return undefined;
}

function take(run: Run, { status }: Workflow, { trigger, held }: Execution, input: Input): Advance {
  if (input.kind === 'cancel') return run.cancelled(input.reason);
  if (status === 'archived') return run.cancelled('the workflow was archived');
  if (held && (input.kind === 'due' || input.kind === 'turn')) return run.lookAtHeld();
  switch (input.kind) {
    case 'undelivered':
      return run.undelivered(input.stepId);
    case 'event':
      run.leaveWait(input.event, input.receivedAtMs);
      break;
    case 'due':
      run.leaveDue();
      break;
    case 'turn':
      run.note('resumed', { reason: 'the workflow was enabled' });
      break;
    case 'retry':
      run.beginAgain();
      break;
    case 'start':
      run.begin(trigger.eventId);
  }
  return run.toItsNextStop();
}

function concerns(
  workflow: Workflow,
  execution: Execution,
  input: Input,
  { nowMs, contact }: Surroundings,
): boolean {
  if (input.kind === 'retry') return retryProblem(execution, workflow) === undefined;
  if (hasEnded(execution)) return false;
  switch (input.kind) {
    case 'start':
      return execution.revision === 0;
    case 'event':
      return endsWait(workflow, execution, input.event, input.receivedAtMs);
    case 'due':
      return (
        (execution.status === 'waiting' || execution.status === 'delayed') && execution.dueAtMs! <= nowMs
      );
    case 'turn':
      return (
        workflow.status === 'archived' ||
        (execution.status === 'paused' && workflow.status === 'enabled') ||
        (execution.held && isReleased(execution, contact, nowMs))
      );
    case 'undelivered':
    case 'cancel':
      return true;
  }
}
