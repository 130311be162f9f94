import { scheduledExecutionId } from '@trackline/contracts';
import { Board, type BoardWorld, type Tools } from './board.ts';
import { passesForContact } from './contact-filter.ts';
import type { Effects } from './effects.ts';
import type { Workflow } from './execution.ts';
import type { ContactView } from './fields.ts';

/** One due time of a workflow's schedule. */
export interface DueSchedule {
  readonly workflow: Workflow;
  readonly dueAtMs: number;
  readonly nowMs: number;
}

export type ScheduleWorld = Omit<BoardWorld, 'contacts' | 'waiting' | 'workflowOf'>;

export interface ScheduleDecision {
  readonly effects: Effects;
  readonly started: number;
  readonly refused: number;
}

/**
 * Starts one execution for each of these contacts that the filter selects. The id of the execution comes from workflow, contact and due
 * time, so that who goes through the same contacts once more has nothing of it stored. Pure.
 */
export function decideScheduled(
  { workflow, dueAtMs, nowMs }: DueSchedule,
  contacts: readonly ContactView[],
  world: ScheduleWorld,
  tools: Tools,
): ScheduleDecision {
  const known = new Map(contacts.map((contact) => [contact.id, contact]));
  const board = new Board({ ...world, contacts: known }, tools);
  const properties = { scheduledAt: new Date(dueAtMs).toISOString() };
  const event = { eventId: null, name: 'schedule', properties };
  let started = 0;
  let refused = 0;
  for (const [contactId, contact] of known) {
    const id = scheduledExecutionId(workflow.id, contactId, dueAtMs);
    if (!passesForContact(workflow.definition.trigger.filter, contact)) continue;
    if (board.start(workflow, { id, contactId, event, nowMs })) refused += 1;
    else started += 1;
  }
  return { effects: board.effects, started, refused };
}
