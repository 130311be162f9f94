import type { WorkflowStep } from '@trackline/contracts';
import type { Execution } from './execution.ts';
import type { ContactView } from './fields.ts';

/** So long a send waits for its contact to turn out to be somebody. */
export const HOLD_MS = 7 * 86_400_000;

/**
 * When a held send is looked at once more although nobody has told of its contact: who became somebody in the moment in which the hold was
 * stored was told of before it.
 */
const SECOND_LOOK_MS = 60_000;

/** What goes to a person. A webhook goes to the customer's own system, which can make something of an id. */
const SENDS: ReadonlySet<string> = new Set<WorkflowStep['type']>(['send_email', 'send_sms', 'send_whatsapp']);

/** A contact of whom only a trace is known has no address: whoever it turns out to be has. */
export const mustHold = (step: WorkflowStep, contact: ContactView | undefined): boolean =>
  SENDS.has(step.type) && contact?.provisional === true;

/** Until when the send at which it stands is held. */
export const heldUntilMs = ({ enteredAtMs }: Pick<Execution, 'enteredAtMs'>): number => enteredAtMs + HOLD_MS;

/** When a send that is held is looked at next. */
export function nextLookMs(execution: Pick<Execution, 'enteredAtMs'>, nowMs: number): number {
  const second = execution.enteredAtMs + SECOND_LOOK_MS;
  return nowMs < second ? second : heldUntilMs(execution);
}

/** Whether there is somebody to send it to by now, or it has been held for long enough. */
export const isReleased = (
  execution: Pick<Execution, 'enteredAtMs'>,
  contact: ContactView | undefined,
  nowMs: number,
): boolean => contact?.provisional !== true || nowMs >= heldUntilMs(execution);
