import type {
  AnyRequestedAction,
  Click,
  ClickQuery,
  ContactUpdateConfig,
  ExecutionProgress,
  ExecutionStatus,
  FeedbackTerms,
  Position,
  WorkflowDefinition,
  WorkflowStatus,
} from '@trackline/contracts';
import type { ContactChangeRequest, Counts, Effects, SubscriptionRequest } from './domain/effects.ts';
import type { Execution, StepVisit } from './domain/execution.ts';
import type { ContactView } from './domain/fields.ts';
import type { MovedPosition, Positions } from './domain/positions.ts';
import type { RememberedEvent } from './domain/remembered.ts';
import type { TimerKind } from './domain/timers.ts';

export interface VersionRef {
  readonly workflowId: string;
  readonly version: number;
}

export interface StoredVersion extends VersionRef {
  readonly organizationId: string;
  readonly definition: WorkflowDefinition;
}

export interface OrganizationIndex {
  readonly version: number;
  readonly workflows: readonly {
    readonly id: string;
    readonly status: WorkflowStatus;
    readonly version: number;
  }[];
  readonly waitedFor: readonly string[];
  /** By event name, in seconds: how far waits of workflows in use look back. */
  readonly lookedBack: readonly (readonly [name: string, seconds: number])[];
}

/** What the engine reads of workflows. */
export interface WorkflowReader {
  /** How often the organisation's workflows have changed; one that has none is missing. */
  versions(organizationIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** The version in it is not newer than the rest. */
  indices(organizationIds: readonly string[]): Promise<ReadonlyMap<string, OrganizationIndex>>;
  definitions(refs: readonly VersionRef[]): Promise<readonly StoredVersion[]>;
}

export interface WaitKey {
  readonly organizationId: string;
  readonly contactId: string;
  readonly eventName: string;
}

export interface SoleKey {
  readonly workflowId: string;
  readonly contactId: string;
}

export interface KnownEntry extends SoleKey {
  /** Milliseconds since the epoch. */
  readonly lastStartedAtMs: number | null;
  readonly lastEndedAtMs: number | null;
}

/** What the pipelines read of executions. */
export interface ExecutionReader {
  byId(ids: readonly string[]): Promise<ReadonlyMap<string, Execution>>;
  /** Single visits of steps, by execution and number. */
  visits(
    keys: readonly { readonly executionId: string; readonly visit: number }[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<number, StepVisit>>>;
  /** In the order in which they were started. */
  waitingFor(keys: readonly WaitKey[]): Promise<readonly Execution[]>;
  /** Those of the keys for which an execution that allows no other is running. */
  soleRuns(keys: readonly SoleKey[]): Promise<readonly SoleKey[]>;
  /** When those of the keys last entered and left, as far as their workflow asks for it. */
  entries(keys: readonly SoleKey[]): Promise<readonly KnownEntry[]>;
  /** How many executions of these workflows have not ended. */
  running(workflowIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** The same of these contacts; counted no further than to `MAX_CONTACT_EXECUTIONS`. */
  runningOfContacts(contactIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Of contacts that were merged: whom they became, by the id that was asked for; `null` of those that were erased. */
  aliases(refs: readonly ContactRef[]): Promise<ReadonlyMap<string, string | null>>;
  /** Events that waits may look back for, by contact id, in the order of their receipt. */
  remembered(refs: readonly ContactRef[]): Promise<ReadonlyMap<string, readonly RememberedEvent[]>>;
  handled(eventIds: readonly string[]): Promise<ReadonlyMap<string, Counts>>;
  positions(topic: string, partition: number): Promise<Positions>;
  /** Whether the message at this position went to the dead letters of this group, and has not come back. */
  isDeadLetter(topic: string, partition: number, position: Position): Promise<boolean>;
}

export interface DueQuery {
  readonly partition: number;
  /** Timeouts with a later deadline stay. Milliseconds since the epoch, or minus infinity: none may fire. */
  readonly frontierMs: number;
}

/** Timers, on the clock of the database. */
export interface TimerReader {
  /** Those of the partitions that have something to fire. */
  partitionsWithDue(queries: readonly DueQuery[]): Promise<readonly number[]>;
  due(
    query: DueQuery,
    limit: number,
  ): Promise<{
    readonly nowMs: number;
    readonly executions: readonly { readonly execution: Execution; readonly kind: TimerKind }[];
  }>;
  nowMs(): Promise<number>;
  /** Timeouts past their deadline that wait for the frontier, in these partitions. */
  overdue(
    partitions: readonly number[],
  ): Promise<{ readonly count: number; readonly oldestMs: number | null }>;
}

/** Something that is to happen outside once the effects are stored. */
export type OutboxEntry = { readonly id: string; readonly partition: number } & (
  | { readonly kind: 'progress'; readonly body: ExecutionProgress }
  | { readonly kind: 'contact_update'; readonly body: ContactChangeRequest }
  | { readonly kind: 'subscription'; readonly body: SubscriptionRequest }
  | { readonly kind: 'action'; readonly body: AnyRequestedAction }
);

/** A contact enters or leaves a workflow that asks when it last did. */
export interface EntryWrite extends SoleKey {
  /** `null`: it does not enter. */
  readonly startedAtMs: number | null;
  /** What was read of its last entry; it must be so still when it enters. */
  readonly knownStartedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly forgetAtMs: number;
}

/** How many executions of a workflow may run. */
export interface Capacity {
  readonly workflowId: string;
  readonly limit: number;
  /** More than can be started at once beside this commit. */
  readonly slack: number;
  /** Whether the limit may be reached: then commits that start executions of the workflow go one by one. */
  readonly isNear: boolean;
}

export interface Commit {
  /** Absent: nothing was read from a topic. */
  readonly positions?: {
    readonly topic: string;
    readonly partition: number;
    readonly moved: readonly MovedPosition[];
  };
  readonly deadLetters?: {
    readonly topic: string;
    readonly partition: number;
    /** Passed without an effect. */
    readonly buried: readonly Position[];
    /** Passed before: each is a new letter, if it has not had its effect since. */
    readonly buriedAgain?: readonly Position[];
    /** Takes effect now; it must still be among the buried. */
    readonly redriven?: Position;
  };
  readonly effects?: Effects;
  readonly outbox?: readonly OutboxEntry[];
  readonly entries?: readonly EntryWrite[];
  /** Of workflows of which executions are started. */
  readonly capacity?: readonly Capacity[];
  /** Moves a run over a page of contacts; `to` null: it is over. */
  readonly schedule?: {
    readonly run: ScheduleRun;
    readonly to: string | null;
    readonly started: number;
    readonly refused: number;
    readonly leaseMs: number;
  };
  /** Executions that had ended and go on. */
  readonly revived?: readonly string[];
  /** Organisations whose workflows must not have changed since they were read. */
  readonly unchanged?: ReadonlyMap<string, number>;
  /** Executions whose timer does not concern them any more. */
  readonly settled?: readonly Execution[];
}

/** An enabled workflow whose due time has come, on the clock of the database. */
export interface DueWorkflow {
  readonly workflowId: string;
  readonly organizationId: string;
  readonly dueAtMs: number;
  readonly nowMs: number;
}

/** One due time of a workflow, and how far it has been carried out. */
export interface ScheduleRun {
  readonly workflowId: string;
  readonly organizationId: string;
  readonly dueAtMs: number;
  /** Of the directory's contacts; `null`: none has had its turn. */
  readonly cursor: string | null;
}

export interface ScheduleStore {
  due(limit: number): Promise<readonly DueWorkflow[]>;
  /** Moves a workflow on from its due time, and makes a run of one; each (workflow, due time) becomes a run once. `false`: another did. */
  move(due: DueWorkflow, to: { readonly runAtMs?: number; readonly nextAtMs?: number }): Promise<boolean>;
  /** A run that nobody is at; it is the caller's for so long. */
  claim(leaseMs: number): Promise<ScheduleRun | undefined>;
  /** Whether the run is where it was, and not over. */
  isAt(run: ScheduleRun): Promise<boolean>;
  finish(run: ScheduleRun): Promise<void>;
  /** Anybody may claim it from now on. */
  release(run: ScheduleRun): Promise<void>;
}

export interface EffectWriter {
  /** All of it or nothing. `false`: something that was read has been changed by another; nothing is stored. */
  commit(commit: Commit): Promise<boolean>;
  /** Whether a commit that threw this will always throw it: there is something in it that cannot be stored. */
  isUnstorable(error: unknown): boolean;
  /** Oldest first. */
  leftOver(partition: number, limit: number): Promise<readonly OutboxEntry[]>;
  /** Those of the partitions that have entries older than this. */
  partitionsWithLeftOver(partitions: readonly number[], olderThanMs: number): Promise<readonly number[]>;
  forget(outboxIds: readonly string[]): Promise<void>;
  /** Adds to a step that was taken what the directory refused of it. */
  noteRefusedUpdates(refusals: readonly RefusedUpdates[]): Promise<void>;
}

/** The first of the two became an alias of the other. */
export interface ContactMerge extends ContactRef {
  readonly into: string;
}

/** Has executions, waits and what is remembered follow merged contacts. Done again it finds nothing to do. */
export interface ContactMerges {
  /** Gives who the two are now: not always the one that was told of, who may have become another. */
  merge(merge: ContactMerge): Promise<string>;
  /**
   * Told of so long ago that nothing can still be under way, and not looked at since: a page of them, those first that were told of first,
   * behind so many.
   */
  unsettled(behind: number): Promise<readonly ContactMerge[]>;
  /** Moves what was stored for the old id by somebody who did not know of the merge yet. */
  settle(merge: ContactMerge): Promise<void>;
}

/** Sends that are held for want of an address. */
export interface HeldSends {
  /** Those of these contacts, who may have become somebody, are looked at again at once. */
  lookAgain(refs: readonly ContactRef[]): Promise<void>;
}

/** What becomes of executions of contacts that were erased. */
export interface ContactErasures {
  note(ref: ContactRef): Promise<void>;
  isErased(ref: ContactRef): Promise<boolean>;
  running(ref: ContactRef, limit: number): Promise<readonly Execution[]>;
  /** Takes out of ended executions, and of what is remembered, all that events and the contact said. */
  clear(ref: ContactRef): Promise<void>;
  /**
   * Erased so long ago that nothing can still be under way, and not looked at since: a page of them, those first who were erased first,
   * behind so many.
   */
  unsettled(behind: number): Promise<readonly ContactRef[]>;
  settled(ref: ContactRef): Promise<void>;
}

/** What is deleted once its time has come; chunks, so that no deletion holds anybody up. Each gives how many there were. */
export interface Retention {
  purgeHandled(olderThanMs: number, limit: number): Promise<number>;
  /** Entries into workflows, events to look back for and runs of schedules that nobody asks for any more: of the most numerous. */
  purgeForgotten(limit: number): Promise<number>;
  /**
   * Executions that ended before this moment, with their steps: looks at the next `limit` in the order of their ids after this one, and
   * gives the last id it looked at; `undefined`: there was none that is old enough to be looked at.
   */
  purgeExecutions(endedBeforeMs: number, afterId: string, limit: number): Promise<string | undefined>;
}

export interface RefusedUpdates {
  readonly executionId: string;
  readonly visit: number;
  readonly refused: readonly { readonly field: string; readonly reason: string }[];
}

export interface ContactRef {
  readonly organizationId: string;
  readonly contactId: string;
}

/** The directory, as far as this service needs it. */
export interface Contacts {
  /** By id; one that does not exist is missing. */
  load(refs: readonly ContactRef[]): Promise<ReadonlyMap<string, ContactView>>;
  find(
    organizationId: string,
    by: { readonly contactId?: string; readonly contactEmail?: string },
  ): Promise<string | undefined>;
  /** An organisation's contacts, newest first, page by page. */
  page(
    organizationId: string,
    cursor: string | null,
    limit: number,
  ): Promise<{ readonly items: readonly ContactView[]; readonly nextCursor: string | null }>;
  /** Each cause takes effect once. Gives what was refused. */
  update(
    changes: readonly ContactChangeRequest[],
  ): Promise<readonly { readonly cause: string; readonly field: string; readonly reason: string }[]>;
  /** Each cause takes effect once; of contacts that do not exist nothing is changed. */
  subscribe(changes: readonly SubscriptionRequest[]): Promise<void>;
  /** What an update would make of a contact. */
  apply(
    contact: ContactView,
    updates: readonly ContactUpdateConfig[],
  ): { readonly contact: ContactView; readonly refused: readonly object[] };
}

export interface Message {
  readonly topic: string;
  readonly partition: number;
  readonly key: string | null;
  readonly value: Buffer | string | null;
  readonly headers: Record<string, string | Buffer>;
}

export interface MessagePublisher {
  /** Resolves when all are acknowledged. */
  publish(messages: readonly Message[]): Promise<void>;
}

export interface WorkflowRecord {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly status: WorkflowStatus;
  readonly version: number;
  readonly definition: WorkflowDefinition;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface ListPage {
  readonly limit: number;
  /** The id of the last item of the page before; items come newest first. */
  readonly after?: string;
}

/** Workflows as their owners see and change them. Every change moves the organisation's version in its transaction. */
export interface WorkflowStore {
  create(workflow: WorkflowRecord): Promise<void>;
  find(organizationId: string, id: string): Promise<WorkflowRecord | undefined>;
  list(
    organizationId: string,
    page: ListPage & { readonly status?: WorkflowStatus },
  ): Promise<WorkflowRecord[]>;
  /**
   * `decide` sees the workflow as it stands, locked, and says what is to become of it; what it throws is thrown.
   * Executions that the new status concerns get a turn. `undefined`: there is no such workflow.
   */
  change(
    organizationId: string,
    id: string,
    decide: (workflow: WorkflowRecord) => WorkflowChange | undefined,
  ): Promise<WorkflowRecord | undefined>;
}

export type WorkflowChange =
  | { readonly kind: 'status'; readonly status: WorkflowStatus }
  | { readonly kind: 'definition'; readonly definition: WorkflowDefinition };

/** Executions as their owners see them. */
export interface ExecutionStore {
  find(organizationId: string, id: string): Promise<Execution | undefined>;
  /** What each of these executions has been through, in order; one that has not begun is missing. */
  visits(executionIds: readonly string[]): Promise<ReadonlyMap<string, readonly StepVisit[]>>;
  /** Newest first, by when they were started. */
  list(organizationId: string, filter: ExecutionFilter): Promise<readonly Execution[]>;
  /** Running ones of a workflow by where they stand, from an index alone. */
  standing(workflowId: string): Promise<readonly Standing[]>;
  /** What happened to a workflow's executions, summed over days: `from` and `to` are dates, both included. */
  tallies(workflowId: string, from: string, to: string): Promise<readonly Tally[]>;
  /** The last entries that were refused, newest first; only so many are kept. */
  refusals(workflowId: string, limit: number): Promise<readonly Refusal[]>;
}

export interface ExecutionFilter {
  readonly limit: number;
  readonly workflowId?: string;
  readonly contactId?: string;
  readonly status?: ExecutionStatus;
  /** Started at or after this moment, in milliseconds since the epoch. */
  readonly fromMs?: number;
  /** Started before this moment. */
  readonly toMs?: number;
  /** The last item of the page before. */
  readonly after?: { readonly startedAtMs: number; readonly id: string };
}

/** How many executions of one version stand at one step. */
export interface Standing {
  readonly stepId: string | null;
  readonly version: number;
  readonly status: ExecutionStatus;
  readonly count: number;
}

export type Happening = 'started' | 'resumed' | 'refused' | 'completed' | 'failed' | 'cancelled';

export interface Tally {
  readonly what: Happening;
  /** Why, for `refused`; empty for the others. */
  readonly reason: string;
  readonly count: number;
}

export interface Refusal {
  readonly contactId: string;
  readonly eventId: string | null;
  readonly reason: string;
  readonly atMs: number;
}

/** Who wants Meta to be told of conversions, and the clicks that contacts came by. */
export interface ConversionFeedback {
  /** By organisation; those that do not want it are missing. */
  terms(): Promise<ReadonlyMap<string, FeedbackTerms>>;
  /** At the place of each query. */
  lastClicks(queries: readonly ClickQuery[]): Promise<readonly (Click | undefined)[]>;
}
