import type {
  EntryRefusal,
  ExecutionProgress,
  RequestedAction,
  RequestedConversion,
} from '@trackline/contracts';
import type { Advance, ContactUpdates, ProgressNote, SubscriptionChange } from './inputs.ts';
import type { Execution, StepVisit } from './execution.ts';
import type { RememberedEvent } from './remembered.ts';
import { timerOf } from './timers.ts';

/** What one event did. */
export interface Counts {
  readonly workflowsTriggered: number;
  readonly executionsResumed: number;
}

export const NO_EFFECT: Counts = { workflowsTriggered: 0, executionsResumed: 0 };

export const didSomething = ({ workflowsTriggered, executionsResumed }: Counts): boolean =>
  workflowsTriggered > 0 || executionsResumed > 0;

export interface ChangedExecution {
  /** The revision that was read; `null`: it is new. */
  readonly from: number | null;
  readonly execution: Execution;
  /** Whether a wait, or a timer, of it is stored. */
  readonly hadWait: boolean;
  readonly hadTimer: boolean;
}

export interface ContactChangeRequest {
  readonly organizationId: string;
  readonly contactId: string;
  /** `<execution>/<step>/<visit>`: takes effect once. */
  readonly cause: string;
  readonly updates: ContactUpdates['updates'];
}

export interface SubscriptionRequest extends Omit<SubscriptionChange, 'stepId' | 'visit'> {
  readonly organizationId: string;
  readonly contactId: string;
  /** `<execution>/<step>/<visit>`: takes effect once. */
  readonly cause: string;
}

/** An entry that the workflow's settings did not allow. Told as progress with the effect `refused`, too. */
export interface RefusedEntry {
  readonly organizationId: string;
  readonly workflowId: string;
  readonly workflowVersion: number;
  readonly contactId: string;
  readonly eventId: string | null;
  readonly reason: EntryRefusal;
  readonly atMs: number;
}

/** All that is to be stored together, or not at all. */
export interface Effects {
  readonly executions: ReadonlyMap<string, ChangedExecution>;
  /** By execution, then by the visit's number: the last word on each. */
  readonly visits: ReadonlyMap<string, ReadonlyMap<number, StepVisit>>;
  readonly progress: readonly ExecutionProgress[];
  readonly contactUpdates: readonly ContactChangeRequest[];
  readonly subscriptions: readonly SubscriptionRequest[];
  /** Each id once, whatever happens. */
  readonly actions: readonly RequestedAction[];
  /** What Meta is to be told of; as actions, each id once. */
  readonly conversions: readonly RequestedConversion[];
  readonly refusals: readonly RefusedEntry[];
  /** To be kept until `forgetAtMs`. */
  readonly remembered: readonly RememberedEvent[];
  readonly handled: ReadonlyMap<string, Counts>;
}

/** Gathers effects while they are decided; what was decided a moment ago can be read back from it. */
export class EffectCollector implements Effects {
  readonly executions = new Map<string, ChangedExecution>();
  readonly visits = new Map<string, Map<number, StepVisit>>();
  readonly progress: ExecutionProgress[] = [];
  readonly contactUpdates: ContactChangeRequest[] = [];
  readonly subscriptions: SubscriptionRequest[] = [];
  readonly actions: RequestedAction[] = [];
  readonly conversions: RequestedConversion[] = [];
  readonly refusals: RefusedEntry[] = [];
  readonly remembered: RememberedEvent[] = [];
  readonly handled = new Map<string, Counts>();
  private readonly newId: () => string;

  constructor(newId: () => string) {
    this.newId = newId;
  }

  /** `before`: the execution as it was read or decided before; `undefined` when it begins with this. */
  add(before: Execution | undefined, { execution, visits, notes, ...asked }: Advance): void {
    const { id, organizationId, contactId } = execution;
    const earlier = this.executions.get(id);
    this.executions.set(id, {
      from: earlier ? earlier.from : (before?.revision ?? null),
      execution,
      hadWait: earlier ? earlier.hadWait : before?.status === 'waiting',
      hadTimer: earlier ? earlier.hadTimer : before !== undefined && timerOf(before) !== undefined,
    });
    for (const visit of visits) this.show(id, visit);
    for (const note of notes) this.tell(execution, note);
    const from = (stepId: string, visit: number) => ({
      organizationId,
      contactId,
      cause: `${id}/${stepId}/${visit}`,
    });
    for (const { stepId, visit, updates } of asked.contactUpdates)
      this.contactUpdates.push({ ...from(stepId, visit), updates });
    for (const { stepId, visit, ...change } of asked.subscriptions)
      this.subscriptions.push({ ...from(stepId, visit), ...change });
    this.actions.push(...asked.actions);
  }

  /** A visit as it is to be shown from now on, of an execution that is not moved by that. */
  show(executionId: string, visit: StepVisit): void {
    const log = this.visits.get(executionId) ?? new Map<number, StepVisit>();
    this.visits.set(executionId, log);
    log.set(visit.visit, visit);
  }

  /** An execution that was not allowed to begin: nothing of it is kept but the word of it. */
  refuse(execution: Execution, reason: EntryRefusal): void {
    const { startedAtMs: atMs, trigger, organizationId, workflowId, workflowVersion, contactId } = execution;
    const eventId = trigger.eventId ?? undefined;
    this.refusals.push({
      organizationId,
      workflowId,
      workflowVersion,
      contactId,
      eventId: trigger.eventId,
      reason,
      atMs,
    });
    this.tell(execution, { effect: 'refused', ...(eventId && { eventId }), reason, status: 'refused', atMs });
  }

  private tell(execution: Execution, note: ProgressNote): void {
    const { id: executionId, organizationId, contactId, workflowId, workflowVersion } = execution;
    this.progress.push({
      id: this.newId(),
      organizationId,
      contactId,
      executionId,
      workflowId,
      workflowVersion,
      ...note,
    });
  }

  get isEmpty(): boolean {
    return (
      this.executions.size === 0 &&
      this.visits.size === 0 &&
      this.progress.length === 0 &&
      this.conversions.length === 0 &&
      this.remembered.length === 0 &&
      this.handled.size === 0
    );
  }
}
