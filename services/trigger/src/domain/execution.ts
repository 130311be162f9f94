import type { ExecutionStatus, StepType, WorkflowDefinition, WorkflowStatus } from '@trackline/contracts';
import { isSole } from './entry.ts';
import type { EventView } from './fields.ts';
import { toGraph, type Graph } from './graph.ts';
import type { TakenEvent } from './remembered.ts';
import { isSignalKind } from './signal.ts';
import { lookedBack, waitedFor } from './waited-events.ts';

/** One version of a workflow, and how the workflow as a whole stands now. */
export interface Workflow {
  readonly id: string;
  readonly organizationId: string;
  readonly version: number;
  readonly status: WorkflowStatus;
  readonly definition: WorkflowDefinition;
  readonly graph: Graph;
  /** Whether any step reads or changes the contact. */
  readonly usesContact: boolean;
  /** Whether any step waits for an event: how many such executions one contact has is bounded. */
  readonly waits: boolean;
  /** The longest that any of its waits looks back; 0: none does, and no memory is needed. */
  readonly looksBackMs: number;
}

const CONTACT_STEPS: ReadonlySet<string> = new Set<StepType>([
  'condition',
  'update_contact',
  'send_email',
  'send_sms',
  'send_whatsapp',
  'webhook',
]);

export function toWorkflow(
  stored: Pick<Workflow, 'id' | 'organizationId' | 'version' | 'status' | 'definition'>,
): Workflow {
  const { definition } = stored;
  const graph = toGraph(definition);
  const usesContact =
    [...graph.steps.values()].some(({ step }) => CONTACT_STEPS.has(step.type)) ||
    (isSignalKind(definition.trigger.type) && definition.trigger.filter !== undefined);
  const looksBackMs = Math.max(0, ...lookedBack(definition).values()) * 1000;
  return { ...stored, graph, usesContact, waits: waitedFor(definition).size > 0, looksBackMs };
}

/** One contact's way through one version of a workflow. All times are milliseconds since the epoch. */
export interface Execution {
  readonly id: string;
  readonly organizationId: string;
  readonly workflowId: string;
  readonly workflowVersion: number;
  readonly contactId: string;
  readonly status: ExecutionStatus;
  /** Why it ended as it did. */
  readonly reason: string | null;
  /** The step it stands at; with `paused`, the one that comes next. */
  readonly stepId: string | null;
  /** Steps entered so far: numbers each visit. */
  readonly visits: number;
  /** Counts up with each change; every change is made on the revision that was read, or not at all. */
  readonly revision: number;
  /** While waiting: the events that end the wait. */
  readonly waitsFor: readonly string[];
  /** The deadline of the wait or the end of the delay. */
  readonly dueAtMs: number | null;
  /** When the step it stands at was entered. */
  readonly enteredAtMs: number;
  /** While delayed: by a send to a contact of whom only a trace is known, and not by a step that says so. */
  readonly held: boolean;
  readonly trigger: EventView;
  /** The events that ended waits, by step. */
  readonly resumes: Readonly<Record<string, EventView>>;
  /** The step of the last of them. */
  readonly latestResume: string | null;
  /** The visit in which a step requested its last action, by step: an engagement wait asks which email was meant. */
  readonly requested: Readonly<Record<string, number>>;
  /** Events that no wait of it is ended by again. Empty when no wait of its definition looks back; pruned to what they can see. */
  readonly taken: readonly TakenEvent[];
  /** Where a retry goes on, when it fails: `null` where there is nothing that could turn out differently. */
  readonly retryFrom: string | null;
  readonly startedAtMs: number;
  /** Time in an execution never goes back, whatever the moments of its events. */
  readonly movedAtMs: number;
  readonly endedAtMs: number | null;
  /** At most one running execution per contact and workflow. */
  readonly sole: boolean;
}

/** One visit of one step, as it is shown. Written again, under the same number, when a wait or delay ends. */
export interface StepVisit {
  readonly visit: number;
  readonly stepId: string;
  readonly type: string;
  readonly status: 'waiting' | 'completed' | 'failed' | 'cancelled';
  readonly branch?: 'yes' | 'no';
  readonly startedAtMs: number;
  readonly endedAtMs?: number;
  readonly detail?: Readonly<Record<string, unknown>>;
}

const ENDED: ReadonlySet<ExecutionStatus> = new Set(['completed', 'failed', 'cancelled']);
export const hasEnded = ({ status }: Pick<Execution, 'status'>): boolean => ENDED.has(status);

export interface NewExecution {
  readonly id: string;
  readonly contactId: string;
  readonly event: EventView;
  readonly nowMs: number;
}

/** An execution that has not taken its first step yet. */
export const newExecution = (
  workflow: Workflow,
  { id, contactId, event, nowMs }: NewExecution,
): Execution => ({
  id,
  organizationId: workflow.organizationId,
  workflowId: workflow.id,
  workflowVersion: workflow.version,
  contactId,
  status: 'active',
  reason: null,
  stepId: workflow.graph.start,
  visits: 0,
  revision: 0,
  waitsFor: [],
  dueAtMs: null,
  enteredAtMs: nowMs,
  held: false,
  trigger: event,
  resumes: {},
  latestResume: null,
  requested: {},
  taken:
    workflow.looksBackMs > 0 && event.eventId !== null
      ? [{ eventId: event.eventId, receivedAtMs: nowMs }]
      : [],
  retryFrom: null,
  startedAtMs: nowMs,
  movedAtMs: nowMs,
  endedAtMs: null,
  sole: isSole(workflow.definition.settings),
});
