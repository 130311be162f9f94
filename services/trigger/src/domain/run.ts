import {
  actionId,
  MAX_ACTION_BYTES,
  type DelayConfig,
  type RequestedAction,
  type SubscriptionConfig,
  type WorkflowStep,
} from '@trackline/contracts';
import { holds } from './comparison.ts';
import type { Execution, StepVisit, Workflow } from './execution.ts';
import { lookUp, type ContactView, type EventView, type FieldScope } from './fields.ts';
import { isBranching } from './graph.ts';
import { heldUntilMs, isReleased, mustHold, nextLookMs } from './hold.ts';
import type { Advance, ContactUpdates, ProgressNote, SubscriptionChange, Surroundings } from './inputs.ts';
import { isRequest, renderRequest, type KindAndRequest, type RequestStep } from './render-request.ts';
import { eventsOf, isWait, timeoutSecondsOf, type WaitStep } from './waited-events.ts';
import { lookBack } from './waits.ts';

/** More steps than this without a wait or delay, and the execution fails: a definition has at most a fifth as many. */
export const MAX_STEPS_PER_ADVANCE = 1_000;

const UNIT_MS: Readonly<Record<DelayConfig['unit'], number>> = {
  minutes: 60_000,
  hours: 3_600_000,
  days: 86_400_000,
  weeks: 604_800_000,
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type StepEntry = Partial<Pick<StepVisit, 'status' | 'branch' | 'endedAtMs' | 'detail'>>;

/** One advance in the making. */
export class Run {
  private readonly workflow: Workflow;
  private readonly surroundings: Surroundings;
  private readonly nowMs: number;
  private readonly execution: Mutable<Execution>;
  private contact: ContactView | undefined;
  private readonly visitsBefore: number;
  private stepsLeft = MAX_STEPS_PER_ADVANCE;
  private looksLeft: number;
  private readonly visits: StepVisit[] = [];
  private readonly marks: Omit<ProgressNote, 'status' | 'atMs'>[] = [];
  private readonly contactUpdates: ContactUpdates[] = [];
  private readonly subscriptions: SubscriptionChange[] = [];
  private readonly actions: RequestedAction[] = [];

  constructor(workflow: Workflow, before: Execution, surroundings: Surroundings) {
    this.workflow = workflow;
    this.surroundings = surroundings;
    this.contact = surroundings.contact;
    this.visitsBefore = before.visits;
    this.looksLeft = surroundings.remembered?.length ?? 0;
    this.nowMs = Math.max(surroundings.nowMs, before.movedAtMs);
    this.execution = { ...before, revision: before.revision + 1, movedAtMs: this.nowMs };
  }

  note(effect: ProgressNote['effect'], more: { eventId?: string; reason?: string } = {}): void {
    this.marks.push({ effect, ...more });
  }

  /** With the workflow's name: reports of automations are read by it. */
  begin(eventId: string | null): void {
    const workflowName = this.workflow.definition.name;
    this.marks.push({ effect: 'started', workflowName, ...(eventId !== null && { eventId }) });
  }

  cancelled(reason: string): Advance {
    this.abandonStop({ reason });
    return this.ended('cancelled', reason);
  }

  /** Steps that were taken before the fault stand, so that a retry goes on after them. */
  broken(error: unknown): Advance {
    const { message } = error as Error;
    this.abandonStop({ reason: message });
    const { stepId, visits } = this.execution;
    const step = stepId === null ? undefined : this.workflow.graph.steps.get(stepId)?.step;
    const isLogged = this.visits.some(({ visit }) => visit === visits);
    if (step && visits > this.visitsBefore && !isLogged)
      this.log(step, { status: 'failed', endedAtMs: this.nowMs, detail: { reason: message } });
    return this.failed(`the engine could not go on: ${message}`, this.execution.stepId);
  }

  undelivered(stepId: string): Advance {
    const reason = `what the step "${stepId}" requested was not delivered`;
    this.abandonStop({ reason });
    return this.failed(reason, stepId);
  }

  leaveWait(event: EventView, receivedAtMs: number): void {
    this.remember(event, receivedAtMs);
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

  /** The send at which it stands was held: it goes out now, or never, or is held on. */
  lookAtHeld(): Advance {
    const { execution, workflow, nowMs } = this;
    if (workflow.status === 'paused') {
      // The step is taken anew when the workflow goes on.
      this.abandonStop({ reason: 'the workflow was paused' });
      return this.toItsNextStop();
    }
    if (!isReleased(execution, this.contact, nowMs)) {
      execution.dueAtMs = nextLookMs(execution, nowMs);
      return this.stopped();
    }
    const step = workflow.graph.steps.get(execution.stepId!)?.step;
    if (!step || !isRequest(step))
      throw new Error(`The step "${execution.stepId}", which is held, sends nothing.`);
    const isLinked = this.contact?.provisional !== true;
    this.note('resumed', { reason: whyReleased(this.contact) });
    const held = this.detailOfStop(step);
    Object.assign(execution, { status: 'active', held: false, dueAtMs: null });
    const failed = isLinked
      ? this.request(step, held)
      : this.notRequested(step, { reason: 'not_linked', ...held });
    return failed ?? this.toItsNextStop();
  }

  beginAgain(): void {
    const { execution } = this;
    Object.assign(execution, {
      status: 'active',
      reason: null,
      endedAtMs: null,
      stepId: execution.retryFrom,
    });
    this.note('resumed', { reason: 'retried by hand' });
  }

  toItsNextStop(): Advance {
    const { execution, workflow } = this;
    for (; this.stepsLeft > 0; this.stepsLeft--) {
      if (execution.stepId === null) return this.ended('completed', null);
      if (workflow.status === 'paused') {
        execution.status = 'paused';
        return this.stopped();
      }
      const laid = workflow.graph.steps.get(execution.stepId);
      if (!laid) return this.failed(`the definition has no step "${execution.stepId}"`, null);
      execution.status = 'active';
      execution.visits += 1;
      execution.enteredAtMs = this.nowMs;
      if (isBranching(laid.step)) execution.retryFrom = laid.step.id;
      const stop = this.take(laid.step);
      if (stop) return stop;
    }
    return this.failed(
      `more than ${MAX_STEPS_PER_ADVANCE} steps without a wait or delay`,
      this.execution.stepId,
    );
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
      case 'subscribe_topic':
      case 'unsubscribe_topic':
        return void this.subscribe(step, step.config);
      case 'send_email':
      case 'send_sms':
      case 'send_whatsapp':
      case 'webhook':
        return mustHold(step, this.contact) ? this.hold(step) : this.request(step);
      case 'delay':
        return this.stopAt(step, 'delayed', this.nowMs + step.config.amount * UNIT_MS[step.config.unit]);
      case 'wait_for_event':
      case 'wait_for_email_engagement':
        return this.wait(step);
      case 'exit':
        return this.exit(step);
    }
  }

  private exit(step: Extract<WorkflowStep, { type: 'exit' }>): Advance {
    const { reason = null, markAs = 'completed' } = step.config;
    this.log(step, { endedAtMs: this.nowMs, detail: { markAs } });
    // A retry asks again what led here, which is where it could turn out differently.
    return markAs === 'failed' ? this.failed(reason, this.execution.retryFrom) : this.ended(markAs, reason);
  }

  private wait(step: WaitStep): Advance | undefined {
    const { execution, nowMs } = this;
    const found = lookBack(step, execution, this.surroundings.remembered ?? [], nowMs);
    if (!found) {
      execution.waitsFor = eventsOf(step);
      return this.stopAt(step, 'waiting', nowMs + timeoutSecondsOf(step) * 1000);
    }
    const { event, receivedAtMs } = found;
    this.remember(event, receivedAtMs);
    this.went(step, {
      branch: 'yes',
      detail: {
        waitsFor: eventsOf(step),
        endedBy: 'lookback',
        eventId: event.eventId,
        eventName: event.name,
        receivedAt: new Date(receivedAtMs).toISOString(),
      },
    });
    // Each takes an event that no wait takes again, so that a circle of such waits comes to an end by itself.
    if (this.looksLeft-- > 0) this.stepsLeft = MAX_STEPS_PER_ADVANCE;
    return undefined;
  }

  /** The event has ended the wait in which the execution stands. */
  private remember(event: EventView, receivedAtMs: number): void {
    const { execution, workflow, nowMs } = this;
    const stepId = execution.stepId!;
    execution.resumes = { ...execution.resumes, [stepId]: event };
    execution.latestResume = stepId;
    if (workflow.looksBackMs > 0 && event.eventId !== null) {
      const seen = execution.taken.filter((taken) => taken.receivedAtMs >= nowMs - workflow.looksBackMs);
      execution.taken = [...seen, { eventId: event.eventId, receivedAtMs }];
    }
    this.note('resumed', event.eventId === null ? {} : { eventId: event.eventId });
  }

  private hold(step: RequestStep): Advance {
    this.execution.held = true;
    return this.stopAt(step, 'delayed', nextLookMs(this.execution, this.nowMs));
  }

  /** `held`: what is shown of it having been held. */
  private request(step: RequestStep, held: Record<string, unknown> = {}): Advance | undefined {
    const { missing, ...rendered } = renderRequest(step, this.scope());
    const noted = { ...held, ...(missing.length > 0 && { missing }) };
    if ('refusal' in rendered) return this.notRequested(step, { reason: rendered.refusal, ...noted });
    const { id, visits: visit } = this.execution;
    const action = this.toAction(step, actionId(id, step.id, visit), rendered);
    // A message that the broker refuses would stop all that comes after it in its partition.
    if (Buffer.byteLength(JSON.stringify(action)) > MAX_ACTION_BYTES)
      return this.notRequested(step, { reason: 'too_long', ...noted });
    this.actions.push(action);
    this.execution.requested = { ...this.execution.requested, [step.id]: visit };
    return void this.went(step, { detail: { actionId: action.id, kind: action.kind, ...noted } });
  }

  private toAction(step: RequestStep, id: string, rendered: KindAndRequest): RequestedAction {
    const { execution, nowMs } = this;
    return {
      id,
      organizationId: execution.organizationId,
      contactId: execution.contactId,
      executionId: execution.id,
      workflowId: execution.workflowId,
      workflowVersion: execution.workflowVersion,
      stepId: step.id,
      visit: execution.visits,
      requestedAtMs: nowMs,
      ...rendered,
    };
  }

  /** Nothing went out: what waits for this email waits for nothing. */
  private notRequested(step: RequestStep, detail: Record<string, unknown>): Advance | undefined {
    this.execution.requested = Object.fromEntries(
      Object.entries(this.execution.requested).filter(([stepId]) => stepId !== step.id),
    );
    this.went(step, { status: 'failed', detail });
    if (step.config.onFailure !== 'fail') return undefined;
    return this.failed(`the step "${step.id}" requested nothing: ${String(detail.reason)}`, step.id);
  }

  private subscribe(step: WorkflowStep, { topicId, channel }: SubscriptionConfig): void {
    const subscribed = step.type === 'subscribe_topic';
    const { visits: visit } = this.execution;
    this.subscriptions.push({ stepId: step.id, visit, topicId, channel: channel ?? null, subscribed });
    this.went(step, { detail: { topicId, ...(channel && { channel }), subscribed } });
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

  private scope(): FieldScope {
    const { trigger, resumes, latestResume } = this.execution;
    const latest = latestResume === null ? trigger : resumes[latestResume]!;
    return { contact: this.contact, trigger, resumes, latest };
  }

  private log(step: WorkflowStep, entry: StepEntry): void {
    const { visits: visit, enteredAtMs: startedAtMs } = this.execution;
    this.visits.push({
      visit,
      stepId: step.id,
      type: step.type,
      startedAtMs,
      status: 'completed',
      ...entry,
    });
  }

  /** The step is over, in the moment in which it was entered. */
  private went(step: WorkflowStep, entry: StepEntry): void {
    this.log(step, { endedAtMs: this.nowMs, ...entry });
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
    if (this.execution.held)
      return {
        held: 'provisional_contact',
        heldUntil: new Date(heldUntilMs(this.execution)).toISOString(),
      };
    const until = new Date(this.execution.dueAtMs!).toISOString();
    return isWait(step) ? { waitsFor: this.execution.waitsFor, until } : { until };
  }

  /** The step it stood at is over. */
  private leaveStep({ detail, ...entry }: StepEntry): void {
    const { execution } = this;
    const step =
      execution.stepId === null ? undefined : this.workflow.graph.steps.get(execution.stepId)?.step;
    if (!step) return;
    this.log(step, { endedAtMs: this.nowMs, ...entry, detail: { ...this.detailOfStop(step), ...detail } });
    execution.stepId = this.after(step.id, entry.branch);
    execution.status = 'active';
    execution.held = false;
    execution.waitsFor = [];
    execution.dueAtMs = null;
  }

  /** The wait or delay in which it stands is over without a branch; it would be taken up there again. */
  private abandonStop(detail: Record<string, unknown>): void {
    const { status, stepId } = this.execution;
    if (status !== 'waiting' && status !== 'delayed') return;
    this.leaveStep({ status: 'cancelled', detail });
    this.execution.stepId = stepId;
  }

  private after(stepId: string, branch: 'yes' | 'no' | undefined): string | null {
    const laid = this.workflow.graph.steps.get(stepId);
    return laid?.[branch ?? 'next'] ?? null;
  }

  private failed(reason: string | null, retryFrom: string | null): Advance {
    this.execution.retryFrom = retryFrom;
    return this.ended('failed', reason);
  }

  private ended(status: 'completed' | 'failed' | 'cancelled', reason: string | null): Advance {
    Object.assign(this.execution, {
      status,
      reason,
      stepId: null,
      held: false,
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

function whyReleased(contact: ContactView | undefined): string {
  if (!contact) return 'the contact does not exist any more';
  return contact.provisional ? 'nobody has learnt whose it is' : 'the contact is known';
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
