import { actionId } from '@trackline/contracts';
import { passes } from './comparison.ts';
import type { Execution, Workflow } from './execution.ts';
import type { EventView } from './fields.ts';
import type { RememberedEvent } from './remembered.ts';
import { eventsOf, isWait, lookbackSecondsOf, type WaitStep } from './waited-events.ts';

/** Whether the event is what the wait is for, whenever it came. */
function fits(step: WaitStep, execution: Execution, { name, properties }: EventView): boolean {
  if (name === null || !eventsOf(step).includes(name)) return false;
  if (step.type === 'wait_for_event') return passes(step.config.filter, properties);
  const { emailStepId } = step.config;
  const visit = Object.hasOwn(execution.requested, emailStepId)
    ? execution.requested[emailStepId]
    : undefined;
  // An email that was not sent is neither opened nor clicked.
  return visit !== undefined && properties.actionId === actionId(execution.id, emailStepId, visit);
}

/** Whether the event ends the wait in which the execution stands: received before the deadline, and what the wait is for. */
export function endsWait(
  workflow: Workflow,
  execution: Execution,
  event: EventView,
  receivedAtMs: number,
): boolean {
  if (execution.status !== 'waiting' || execution.stepId === null || receivedAtMs >= execution.dueAtMs!)
    return false;
  const step = workflow.graph.steps.get(execution.stepId)?.step;
  return step !== undefined && isWait(step) && fits(step, execution, event);
}

/** The first of the remembered events that ends a wait which begins now, as if it had begun so much earlier. */
export function lookBack(
  step: WaitStep,
  execution: Execution,
  remembered: readonly RememberedEvent[],
  nowMs: number,
): RememberedEvent | undefined {
  const seconds = lookbackSecondsOf(step);
  // What is received in this very moment is behind a wait that does not look there.
  if (seconds === 0) return undefined;
  const fromMs = nowMs - seconds * 1000;
  return remembered.find(
    ({ event, receivedAtMs }) =>
      receivedAtMs >= fromMs &&
      receivedAtMs <= nowMs &&
      !execution.taken.some(({ eventId }) => eventId === event.eventId) &&
      fits(step, execution, event),
  );
}
