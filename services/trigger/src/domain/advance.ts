import type {
  ContactUpdateConfig,
  DelayConfig,
  ExecutionProgress,
  RequestedAction,
  SubscriptionConfig,
  WorkflowStep,
} from '@trackline/contracts';
import { holds, passes } from './comparison.ts';
import { hasEnded, type Execution, type StepVisit, type Workflow } from './execution.ts';
import { lookUp, type ContactView, type EventView } from './fields.ts';
import type { RememberedEvent } from './remembered.ts';

/** What may move an execution. */
export type Input =
  | { readonly kind: 'start' }
  | { readonly kind: 'event'; readonly event: EventView; readonly receivedAtMs: number }
  /** The deadline of the wait or the end of the delay has come. */
  | { readonly kind: 'due' }
  /** The workflow was enabled again, or put away for good. */
  | { readonly kind: 'turn' }
  | { readonly kind: 'cancel'; readonly reason: string }
  /** A person wants a failed execution to go on from where it failed. */
  | { readonly kind: 'retry' };

export interface ContactUpdates {
  readonly stepId: string;
  readonly visit: number;
  readonly updates: readonly ContactUpdateConfig[];
}

/** On one channel, or with `channel` null on all. */
export interface SubscriptionChange {
  readonly stepId: string;
  readonly visit: number;
  readonly topicId: string;
  readonly channel: NonNullable<SubscriptionConfig['channel']> | null;
  readonly subscribed: boolean;
}

export type ProgressNote = Pick<ExecutionProgress, 'effect' | 'eventId' | 'reason' | 'status' | 'atMs'>;

export interface Advance {
  readonly execution: Execution;
  /** In order; one with the number of an earlier visit takes its place. */
  readonly visits: readonly StepVisit[];
  readonly notes: readonly ProgressNote[];
  readonly contactUpdates: readonly ContactUpdates[];
  readonly subscriptions: readonly SubscriptionChange[];
  readonly actions: readonly RequestedAction[];
  /** As it is after the updates. */
  readonly contact: ContactView | undefined;
}

/** What the updates make of a contact, and which of them make no sense for it. */
export type ApplyUpdates = (
  contact: ContactView,
  updates: readonly ContactUpdateConfig[],
) => { readonly contact: ContactView; readonly refused: readonly object[] };

export interface Surroundings {
  readonly nowMs: number;
  /** `undefined`: there is no such contact any more. */
  readonly contact: ContactView | undefined;
  readonly applyUpdates: ApplyUpdates;
  /** Events of the contact that waits may look back for, in the order in which they were received. */
  readonly remembered?: readonly RememberedEvent[];
}

/** More steps than this without a wait or delay, and the execution fails: a definition has at most a fifth as many. */
export const MAX_STEPS_PER_ADVANCE = 1_000;

export const DEFAULT_WAIT_SECONDS = 86_400;

const UNIT_MS: Readonly<Record<DelayConfig['unit'], number>> = {
  minutes: 60_000,
  hours: 3_600_000,
  days: 86_400_000,
  weeks: 604_800_000,
};

/** Whether the event ends the wait: its name, received before the deadline, and past the filter. */
export function endsWait(
  workflow: Workflow,
  execution: Execution,
  { name, properties }: EventView,
  receivedAtMs: number,
): boolean {
  if (execution.status !== 'waiting' || execution.stepId === null || name === null) return false;
  if (!execution.waitsFor.includes(name) || receivedAtMs >= execution.dueAtMs!) return false;
  const step = workflow.graph.steps.get(execution.stepId)?.step;
  return step?.type === 'wait_for_event' && passes(step.config.filter, properties);
}

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
  if (hasEnded(execution) || !concerns(workflow, execution, input, surroundings.nowMs)) return undefined;
  try {
    return take(new Run(workflow, execution, surroundings), workflow, execution, input);
  } catch (error) {
    // A fault of ours ends the execution that it concerns, in plain sight; thrown, it would hold up all others of its partition.
    return new Run(workflow, execution, surroundings).broken(error);
  }
}

/** Ends an execution that no way leads on from: what it would become cannot be stored. */
export const breakOff = (
  workflow: Workflow,
  execution: Execution,
  reason: string,
  surroundings: Surroundings,
): Advance => new Run(workflow, execution, surroundings).broken(new Error(reason));

function take(run: Run, { status }: Workflow, { trigger }: Execution, input: Input): Advance {
  if (input.kind === 'cancel') return run.cancelled(input.reason);
  if (status === 'archived') return run.cancelled('the workflow was archived');
  if (input.kind === 'event') run.leaveWait(input.event);
  else if (input.kind === 'due') run.leaveDue();
  else if (input.kind === 'turn') run.note('resumed', { reason: 'the workflow was enabled' });
  else run.note('started', eventOf(trigger));
  return run.toItsNextStop();
}

function concerns(workflow: Workflow, execution: Execution, input: Input, nowMs: number): boolean {
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
        workflow.status === 'archived' || (execution.status === 'paused' && workflow.status === 'enabled')
      );
    case 'cancel':
      return true;
    case 'retry':
      return false;
  }
}

const eventOf = ({ eventId }: EventView): { eventId?: string } => (eventId === null ? {} : { eventId });

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** One advance in the making. */
class Run {
  private readonly workflow: Workflow;
  private readonly surroundings: Surroundings;
  private readonly nowMs: number;
  private readonly execution: Mutable<Execution>;
  private contact: ContactView | undefined;
  private readonly visits: StepVisit[] = [];
  private readonly marks: Omit<ProgressNote, 'status' | 'atMs'>[] = [];
  private readonly contactUpdates: ContactUpdates[] = [];
  private readonly subscriptions: SubscriptionChange[] = [];
  private readonly actions: RequestedAction[] = [];

  constructor(workflow: Workflow, before: Execution, surroundings: Surroundings) {
    this.workflow = workflow;
    this.surroundings = surroundings;
    this.contact = surroundings.contact;
    this.nowMs = Math.max(surroundings.nowMs, before.movedAtMs);
    this.execution = { ...before, revision: before.revision + 1, movedAtMs: this.nowMs };
  }

  note(effect: ProgressNote['effect'], more: { eventId?: string; reason?: string } = {}): void {
    this.marks.push({ effect, ...more });
  }

  cancelled(reason: string): Advance {
    if (this.execution.status === 'waiting' || this.execution.status === 'delayed')
      this.leaveStep({ status: 'cancelled', detail: { reason } });
    return this.ended('cancelled', reason);
  }

  broken(error: unknown): Advance {
    return this.ended('failed', `the engine could not go on: ${(error as Error).message}`);
  }

  leaveWait(event: EventView): void {
    const { execution } = this;
    const stepId = execution.stepId!;
    execution.resumes = { ...execution.resumes, [stepId]: event };
    execution.latestResume = stepId;
    this.note('resumed', eventOf(event));
    this.leaveStep({
      branch: 'yes',
      detail: { endedBy: 'event', eventId: event.eventId, eventName: event.name },
    });
  }

  leaveDue(): void {
    if (this.execution.status === 'delayed') {
      this.note('resumed', { reason: 'the delay is over' });
      this.leaveStep({ detail: {} });
    } else {
      this.note('resumed', { reason: 'no event before the deadline' });
      this.leaveStep({ branch: 'no', detail: { endedBy: 'timeout' } });
    }
  }

  toItsNextStop(): Advance {
    const { execution, workflow } = this;
    for (let steps = 0; steps < MAX_STEPS_PER_ADVANCE; steps++) {
      if (execution.stepId === null) return this.ended('completed', null);
      if (workflow.status === 'paused') {
        execution.status = 'paused';
        return this.stopped();
      }
      const laid = workflow.graph.steps.get(execution.stepId);
      if (!laid) return this.ended('failed', `the definition has no step "${execution.stepId}"`);
      execution.visits += 1;
      execution.enteredAtMs = this.nowMs;
      const stop = this.take(laid.step);
      if (stop) return stop;
    }
    return this.ended('failed', `more than ${MAX_STEPS_PER_ADVANCE} steps without a wait or delay`);
  }

  /** Takes one step; an advance when it is where the execution stops. */
  private take(step: WorkflowStep): Advance | undefined {
    switch (step.type) {
      case 'condition': {
        const { field, operator, value } = step.config;
        const found = lookUp(this.scope(), field);
        const branch = holds(found, operator, value) ? 'yes' : 'no';
        return void this.went(step, { branch, detail: { field, operator, ...compared(found, value) } });
      }
      case 'update_contact':
        return void this.update(step);
      case 'delay':
        return this.stopAt(step, 'delayed', this.nowMs + step.config.amount * UNIT_MS[step.config.unit]);
      case 'wait_for_event': {
        this.execution.waitsFor = step.config.eventName === undefined ? [] : [step.config.eventName];
        return this.stopAt(
          step,
          'waiting',
          this.nowMs + (step.config.timeoutSeconds ?? DEFAULT_WAIT_SECONDS) * 1000,
        );
      }
      case 'exit': {
        const { reason, markAs = 'completed' } = step.config;
        this.log(step, { status: 'completed', endedAtMs: this.nowMs, detail: { markAs } });
        return this.ended(markAs, reason ?? null);
      }
      default:
        return void this.went(step, { status: 'failed', detail: { reason: 'not available yet' } });
    }
  }

  private update(step: Extract<WorkflowStep, { type: 'update_contact' }>): void {
    const { updates } = step.config;
    if (!this.contact) {
      this.went(step, { status: 'failed', detail: { reason: 'the contact does not exist any more' } });
      return;
    }
    const { contact, refused } = this.surroundings.applyUpdates(this.contact, updates);
    this.contact = contact;
    if (refused.length < updates.length)
      this.contactUpdates.push({ stepId: step.id, visit: this.execution.visits, updates });
    const status = refused.length === updates.length ? 'failed' : 'completed';
    this.went(step, { status, detail: { updates, ...(refused.length > 0 ? { refused } : undefined) } });
  }

  private scope() {
    const { trigger, resumes, latestResume } = this.execution;
    const latest = latestResume === null ? trigger : resumes[latestResume]!;
    return { contact: this.contact, trigger, resumes, latest };
  }

  private log(step: WorkflowStep, entry: Omit<StepVisit, 'visit' | 'stepId' | 'type' | 'startedAtMs'>): void {
    const { visits: visit, enteredAtMs: startedAtMs } = this.execution;
    this.visits.push({ visit, stepId: step.id, type: step.type, startedAtMs, ...entry });
  }

  /** The step is over, in the moment in which it was entered. */
  private went(step: WorkflowStep, entry: Partial<StepVisit>): void {
    this.log(step, { status: 'completed', endedAtMs: this.nowMs, ...entry });
    this.execution.stepId = this.after(step.id, entry.branch);
  }

  private stopAt(step: WorkflowStep, status: 'waiting' | 'delayed', dueAtMs: number): Advance {
    this.execution.status = status;
    this.execution.dueAtMs = Math.round(dueAtMs);
    this.log(step, { status: 'waiting', detail: this.detailOfStop(step) });
    return this.stopped();
  }

  /** What it waits for; told again when the wait is over, with how it ended. */
  private detailOfStop(step: WorkflowStep): Record<string, unknown> {
    const until = new Date(this.execution.dueAtMs!).toISOString();
    return step.type === 'wait_for_event' ? { waitsFor: this.execution.waitsFor, until } : { until };
  }

  /** The step it stood at is over. */
  private leaveStep({ detail, ...entry }: Partial<StepVisit>): void {
    const { execution } = this;
    const step =
      execution.stepId === null ? undefined : this.workflow.graph.steps.get(execution.stepId)?.step;
    if (!step) return;
    this.log(step, {
      status: 'completed',
      endedAtMs: this.nowMs,
      ...entry,
      detail: { ...this.detailOfStop(step), ...detail },
    });
    execution.stepId = this.after(step.id, entry.branch);
    execution.status = 'active';
    execution.waitsFor = [];
    execution.dueAtMs = null;
  }

  private after(stepId: string, branch: 'yes' | 'no' | undefined): string | null {
    const laid = this.workflow.graph.steps.get(stepId);
    return laid?.[branch ?? 'next'] ?? null;
  }

  private ended(status: 'completed' | 'failed' | 'cancelled', reason: string | null): Advance {
    Object.assign(this.execution, {
      status,
      reason,
      stepId: null,
      waitsFor: [],
      dueAtMs: null,
      endedAtMs: this.nowMs,
    });
    this.note('ended', { reason: reason ?? status });
    return this.stopped();
  }

  private stopped(): Advance {
    const { execution, visits, contactUpdates, subscriptions, actions, contact, nowMs } = this;
    const notes = this.marks.map((mark) => ({ ...mark, status: execution.status, atMs: nowMs }));
    return { execution, visits, notes, contactUpdates, subscriptions, actions, contact };
  }
}

/** What was compared, short enough to be kept with each execution. */
function compared(found: unknown, value: unknown): Record<string, unknown> {
  return { ...(value === undefined ? undefined : { value }), found: shortened(found) };
}

const MAX_SHOWN_CHARACTERS = 200;

function shortened(value: unknown): unknown {
  if (value === undefined) return null;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= MAX_SHOWN_CHARACTERS
    ? value
    : `${text.slice(0, MAX_SHOWN_CHARACTERS).toWellFormed()}…`;
}
