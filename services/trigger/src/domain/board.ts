import type { EntryRefusal } from '@trackline/contracts';
import { advance } from './advance.ts';
import { EffectCollector } from './effects.ts';
import { isSole, NEVER_ENTERED, refusalOf, type EntryFacts } from './entry.ts';
import { hasEnded, newExecution, type Execution, type NewExecution, type Workflow } from './execution.ts';
import type { ContactView } from './fields.ts';
import type { ApplyUpdates, Input } from './inputs.ts';
import type { RememberedEvent } from './remembered.ts';
import { endsWait } from './waits.ts';

/** What was read for executions that are to be started or resumed. What is absent is not there. */
export interface BoardWorld {
  /** Executions that wait for one of the events. */
  readonly waiting?: readonly Execution[];
  /** The version that an execution started with, with the status that its workflow has now. */
  readonly workflowOf?: (execution: Execution) => Workflow | undefined;
  /** By contact id; a contact that does not exist is missing. */
  readonly contacts: ReadonlyMap<string, ContactView>;
  /** Running executions that allow no other of their workflow and contact beside them: by `entryKey`. */
  readonly soleRuns?: ReadonlySet<string>;
  /** By `entryKey`, for workflows that ask for it (`asksForEntries`); what is missing has never entered. */
  readonly entries?: ReadonlyMap<string, EntryFacts>;
  /** Executions that have not ended, by workflow that may be started. */
  readonly running?: ReadonlyMap<string, number>;
  /** Executions that have not ended, by contact who may enter a workflow that waits. */
  readonly runningOfContacts?: ReadonlyMap<string, number>;
  /** By contact id: events that waits may look back for, in the order of their receipt. */
  readonly remembered?: ReadonlyMap<string, readonly RememberedEvent[]>;
}

export interface Tools {
  readonly newId: () => string;
  readonly applyUpdates: ApplyUpdates;
}

/** Of a contact in a workflow. */
export const entryKey = (workflowId: string, contactId: string): string => `${workflowId}:${contactId}`;

const waitKey = (organizationId: string, contactId: string, name: string): string =>
  `${organizationId}:${contactId}:${name}`;

export interface Moment {
  readonly contactId: string;
  readonly nowMs: number;
}

/** How everything stands while a batch is decided: each decision is made on what those before it have left. */
export class Board {
  readonly effects: EffectCollector;
  private readonly world: BoardWorld;
  private readonly tools: Tools;
  private readonly executions = new Map<string, Execution>();
  private readonly waits = new Map<string, Set<string>>();
  /** The workflows of executions that were started here. */
  private readonly started = new Map<string, Workflow>();
  private readonly contacts: Map<string, ContactView>;
  private readonly entries: Map<string, EntryFacts>;
  private readonly running: Map<string, number>;
  private readonly runningOfContacts: Map<string, number>;
  private readonly remembered: Map<string, readonly RememberedEvent[]>;

  constructor(world: BoardWorld, tools: Tools) {
    this.world = world;
    this.tools = tools;
    this.effects = new EffectCollector(tools.newId);
    this.contacts = new Map(world.contacts);
    this.entries = new Map(world.entries);
    for (const key of world.soleRuns ?? []) this.entries.set(key, { ...this.entryAt(key), isRunning: true });
    this.running = new Map(world.running);
    this.runningOfContacts = new Map(world.runningOfContacts);
    this.remembered = new Map(world.remembered);
    for (const execution of world.waiting ?? []) this.place(undefined, execution);
  }

  /** Executions of the contact that wait for an event of this name, in the order in which they began to. */
  waitingFor(organizationId: string, contactId: string, name: string): readonly string[] {
    return [...(this.waits.get(waitKey(organizationId, contactId, name)) ?? [])];
  }

  /** Gives whether the event ended the wait. */
  resume(id: string, input: Extract<Input, { kind: 'event' }>, at: Moment): boolean {
    const execution = this.executions.get(id)!;
    const workflow = this.started.get(id) ?? this.world.workflowOf?.(execution);
    if (!workflow || !endsWait(workflow, execution, input.event, input.receivedAtMs)) return false;
    this.move(workflow, execution, input, at);
    return workflow.status !== 'archived';
  }

  /** Gives why it was refused; `undefined`: it was started. */
  start(workflow: Workflow, begun: NewExecution): EntryRefusal | undefined {
    const { contactId, nowMs } = begun;
    const execution = newExecution(workflow, begun);
    const { settings } = workflow.definition;
    const key = entryKey(workflow.id, contactId);
    const running = this.running.get(workflow.id) ?? 0;
    const ofContact = this.runningOfContacts.get(contactId) ?? 0;
    const refusal = refusalOf(workflow, this.entryAt(key), { ofWorkflow: running, ofContact }, nowMs);
    if (refusal) {
      this.effects.refuse(execution, refusal);
      return refusal;
    }
    this.started.set(execution.id, workflow);
    this.running.set(workflow.id, running + 1);
    this.runningOfContacts.set(contactId, ofContact + 1);
    this.entries.set(key, { ...this.entryAt(key), isRunning: isSole(settings), lastStartedAtMs: nowMs });
    this.move(workflow, execution, { kind: 'start' }, begun);
    return undefined;
  }

  /** Keeps an event for the waits that look back for it. */
  remember(event: RememberedEvent): void {
    this.remembered.set(event.contactId, [...(this.remembered.get(event.contactId) ?? []), event]);
    this.effects.remembered.push(event);
  }

  /** As the steps that were decided so far have left it. */
  contact(id: string): ContactView | undefined {
    return this.contacts.get(id);
  }

  private move(workflow: Workflow, execution: Execution, input: Input, { contactId, nowMs }: Moment): void {
    const moved = advance(workflow, execution, input, {
      nowMs,
      contact: this.contacts.get(contactId),
      applyUpdates: this.tools.applyUpdates,
      remembered: this.remembered.get(contactId) ?? [],
    });
    if (!moved) return;
    const before = input.kind === 'start' ? undefined : execution;
    this.effects.add(before, moved);
    this.place(before, moved.execution);
    if (moved.contact) this.contacts.set(contactId, moved.contact);
  }

  private place(before: Execution | undefined, execution: Execution): void {
    const { id, organizationId, contactId } = execution;
    for (const name of before?.waitsFor ?? [])
      this.waits.get(waitKey(organizationId, contactId, name))?.delete(id);
    for (const name of execution.waitsFor) {
      const key = waitKey(organizationId, contactId, name);
      const waiting = this.waits.get(key);
      if (waiting) waiting.add(id);
      else this.waits.set(key, new Set([id]));
    }
    this.executions.set(id, execution);
    if (hasEnded(execution)) this.leave(execution);
    else if (execution.sole) this.enter(execution);
  }

  private enter({ workflowId, contactId }: Execution): void {
    const key = entryKey(workflowId, contactId);
    this.entries.set(key, { ...this.entryAt(key), isRunning: true });
  }

  private leave({ workflowId, contactId, endedAtMs }: Execution): void {
    const key = entryKey(workflowId, contactId);
    this.entries.set(key, { ...this.entryAt(key), isRunning: false, lastEndedAtMs: endedAtMs });
    for (const [counts, id] of [
      [this.running, workflowId],
      [this.runningOfContacts, contactId],
    ] as const)
      counts.set(id, Math.max(0, (counts.get(id) ?? 0) - 1));
  }

  private entryAt(key: string): EntryFacts {
    return this.entries.get(key) ?? NEVER_ENTERED;
  }
}
