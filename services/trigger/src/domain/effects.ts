import type { ExecutionProgress } from '@trackline/contracts';
import type { Advance, ContactUpdates, ProgressNote } from './advance.ts';
import type { Execution, StepVisit } from './execution.ts';
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

/** All that is to be stored together, or not at all. */
export interface Effects {
  readonly executions: ReadonlyMap<string, ChangedExecution>;
  /** By execution, then by the visit's number: the last word on each. */
  readonly visits: ReadonlyMap<string, ReadonlyMap<number, StepVisit>>;
  readonly progress: readonly ExecutionProgress[];
  readonly contactUpdates: readonly ContactChangeRequest[];
  readonly handled: ReadonlyMap<string, Counts>;
}

/** Gathers effects while they are decided; what was decided a moment ago can be read back from it. */
export class EffectCollector implements Effects {
  readonly executions = new Map<string, ChangedExecution>();
  readonly visits = new Map<string, Map<number, StepVisit>>();
  readonly progress: ExecutionProgress[] = [];
  readonly contactUpdates: ContactChangeRequest[] = [];
  readonly handled = new Map<string, Counts>();
  private readonly newId: () => string;

  constructor(newId: () => string) {
    this.newId = newId;
  }

  /** `before`: the execution as it was read or decided before; `undefined` when it begins with this. */
  add(before: Execution | undefined, { execution, visits, notes, contactUpdates }: Advance): void {
    const { id, organizationId, contactId } = execution;
    const earlier = this.executions.get(id);
    this.executions.set(id, {
      from: earlier ? earlier.from : (before?.revision ?? null),
      execution,
      hadWait: earlier ? earlier.hadWait : before?.status === 'waiting',
      hadTimer: earlier ? earlier.hadTimer : before !== undefined && timerOf(before) !== undefined,
    });
    const log = this.visits.get(id) ?? new Map<number, StepVisit>();
    this.visits.set(id, log);
    for (const visit of visits) log.set(visit.visit, visit);
    for (const note of notes) this.tell(execution, note);
    for (const { stepId, visit, updates } of contactUpdates)
      this.contactUpdates.push({ organizationId, contactId, cause: `${id}/${stepId}/${visit}`, updates });
  }

  /** An execution that was not allowed to begin: nothing of it is kept but the word of it. */
  refuse(execution: Execution, reason: string): void {
    const { startedAtMs: atMs, trigger } = execution;
    const eventId = trigger.eventId ?? undefined;
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
    return this.executions.size === 0 && this.progress.length === 0 && this.handled.size === 0;
  }
}
