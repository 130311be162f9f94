import type { AdmittedEvent, Outcome } from '@trackline/contracts';
import { advance, endsWait, type ApplyUpdates } from './advance.ts';
import { didSomething, EffectCollector, NO_EFFECT, type Counts, type Effects } from './effects.ts';
import type { EntryFacts } from './entry.ts';
import { hasEnded, newExecution, type Execution, type Workflow } from './execution.ts';
import type { ContactView, EventView } from './fields.ts';
import { matchTriggers } from './match-triggers.ts';
import { NO_WORKFLOWS, type OrganizationWorkflows } from './organization.ts';
import { isPast, type Positions } from './positions.ts';
import type { RememberedEvent } from './remembered.ts';

/** An admitted event whose properties are read only when something may come of it. */
export interface IncomingEvent extends AdmittedEvent {
  readonly view: () => EventView;
  /** It came back from the dead letters: its position was passed without an effect. */
  readonly redriven?: boolean;
}

/** Everything that was read for a batch. */
export interface World {
  readonly positions: Positions;
  readonly organizations: ReadonlyMap<string, OrganizationWorkflows>;
  /** Executions that wait for one of the batch's events. */
  readonly waiting: readonly Execution[];
  /** The version that an execution started with, with the status that its workflow has now. */
  readonly workflowOf: (execution: Execution) => Workflow | undefined;
  /** By contact id; a contact that does not exist is missing. */
  readonly contacts: ReadonlyMap<string, ContactView>;
  /** Running executions that allow no other of their workflow and contact beside them: see `soleKey`. */
  readonly soleRuns: ReadonlySet<string>;
  /** By `entryKey`, for workflows that ask for it (`asksForEntries`); what is missing has never entered. */
  readonly entries?: ReadonlyMap<string, EntryFacts>;
  /** Executions that have not ended, by workflow that these events may start. */
  readonly running?: ReadonlyMap<string, number>;
  /** By contact id: events that waits may look back for, in the order of their receipt. */
  readonly remembered?: ReadonlyMap<string, readonly RememberedEvent[]>;
  /** What earlier events did, for those that come again or are asked about. */
  readonly handled: ReadonlyMap<string, Counts>;
}

export interface Tools {
  readonly newId: () => string;
  readonly applyUpdates: ApplyUpdates;
}

export interface Decision {
  readonly effects: Effects;
  readonly hasEffects: boolean;
  readonly positions: Positions;
  /** Of every event that someone waits for; `replyTo` says who. */
  readonly outcomes: readonly (Outcome & { readonly replyTo: string })[];
  /** For counting: what became of how many. */
  readonly tally: Readonly<Record<EventFate, number>>;
}

export type EventFate = 'effect' | 'no_effect' | 'seen_before' | 'replay' | 'backfill';

const waitKey = (organizationId: string, contactId: string, name: string): string =>
  `${organizationId}:${contactId}:${name}`;

/** Of `World.entries`. */
export const entryKey = (workflowId: string, contactId: string): string => `${workflowId}:${contactId}`;

export const soleKey = (workflowId: string, contactId: string): string => `${workflowId}:${contactId}`;

/** Decides a batch, event after event, each on what those before it have left. Pure. */
export function decideEvents(events: readonly IncomingEvent[], world: World, tools: Tools): Decision {
  const batch = new Batch(world, tools);
  for (const event of events) batch.take(event);
  return batch.decision();
}

class Batch {
  private readonly world: World;
  private readonly tools: Tools;
  private readonly effects: EffectCollector;
  private readonly positions: Map<string, number>;
  private readonly executions = new Map<string, Execution>();
  private readonly waits = new Map<string, Set<string>>();
  /** The workflows of executions that this batch started. */
  private readonly started = new Map<string, Workflow>();
  private readonly contacts: Map<string, ContactView>;
  private readonly soleRuns: Set<string>;
  private readonly outcomes: (Outcome & { replyTo: string })[] = [];
  private readonly tally: Record<EventFate, number> = {
    effect: 0,
    no_effect: 0,
    seen_before: 0,
    replay: 0,
    backfill: 0,
  };

  constructor(world: World, tools: Tools) {
    this.world = world;
    this.tools = tools;
    this.effects = new EffectCollector(tools.newId);
    this.positions = new Map(world.positions);
    this.contacts = new Map(world.contacts);
    this.soleRuns = new Set(world.soleRuns);
    for (const execution of world.waiting) this.remember(undefined, execution);
  }

  take(event: IncomingEvent): void {
    const isSeen = isPast(this.positions, event.position);
    if (event.replayOf) {
      this.tally.replay += 1;
      const isDone = isPast(this.positions, event.replayOf);
      this.answer(event, isDone ? 'admitted' : 'accepted', isDone ? this.doneBy(event.eventId) : NO_EFFECT);
    } else if (isSeen) {
      this.tally.seen_before += 1;
      this.answer(event, 'admitted', this.doneBy(event.eventId));
    } else if (event.backfill) {
      this.tally.backfill += 1;
      this.answer(event, 'admitted', NO_EFFECT);
    } else {
      this.apply(event);
    }
    if (!isSeen) this.positions.set(event.position.source, event.position.offset);
  }

  decision(): Decision {
    const { effects, positions, outcomes, tally } = this;
    return { effects, hasEffects: !effects.isEmpty, positions, outcomes, tally };
  }

  private apply(event: IncomingEvent): void {
    // Whoever waits now, waited before this event: it never resumes a wait that it starts itself.
    const waiting = [...(this.waits.get(waitKey(event.organizationId, event.contactId, event.name)) ?? [])];
    let executionsResumed = 0;
    for (const id of waiting) if (this.resume(id, event)) executionsResumed += 1;
    const counts = { workflowsTriggered: this.startAll(event), executionsResumed };
    if (didSomething(counts)) this.effects.handled.set(event.eventId, counts);
    this.tally[didSomething(counts) ? 'effect' : 'no_effect'] += 1;
    this.answer(event, 'admitted', counts);
  }

  private resume(id: string, event: IncomingEvent): boolean {
    const execution = this.executions.get(id)!;
    const workflow = this.started.get(id) ?? this.world.workflowOf(execution);
    if (!workflow || !endsWait(workflow, execution, event.view(), event.receivedAtMs)) return false;
    const input = { kind: 'event', event: event.view(), receivedAtMs: event.receivedAtMs } as const;
    this.move(workflow, execution, input, event);
    return workflow.status !== 'archived';
  }

  private startAll(event: IncomingEvent): number {
    const organization = this.world.organizations.get(event.organizationId) ?? NO_WORKFLOWS;
    if (!organization.startedBy.has(event.name)) return 0;
    let started = 0;
    for (const workflow of matchTriggers(organization, event.name, event.view().properties))
      if (this.start(workflow, event)) started += 1;
    return started;
  }

  private start(workflow: Workflow, event: IncomingEvent): boolean {
    const { contactId, receivedAtMs: nowMs } = event;
    const id = this.tools.newId();
    const execution = newExecution(workflow, { id, contactId, event: event.view(), nowMs });
    if (execution.sole && this.soleRuns.has(soleKey(workflow.id, contactId))) {
      this.effects.refuse(execution, 'already_running');
      return false;
    }
    this.started.set(id, workflow);
    this.move(workflow, execution, { kind: 'start' }, event);
    return true;
  }

  private move(
    workflow: Workflow,
    execution: Execution,
    input: Parameters<typeof advance>[2],
    { contactId, receivedAtMs: nowMs }: IncomingEvent,
  ): void {
    const moved = advance(workflow, execution, input, {
      nowMs,
      contact: this.contacts.get(contactId),
      applyUpdates: this.tools.applyUpdates,
    });
    if (!moved) return;
    const before = input.kind === 'start' ? undefined : execution;
    this.effects.add(before, moved);
    this.remember(before, moved.execution);
    if (moved.contact) this.contacts.set(contactId, moved.contact);
  }

  private remember(before: Execution | undefined, execution: Execution): void {
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
    if (!execution.sole) return;
    const key = soleKey(execution.workflowId, contactId);
    if (hasEnded(execution)) this.soleRuns.delete(key);
    else this.soleRuns.add(key);
  }

  private doneBy(eventId: string): Counts {
    return this.effects.handled.get(eventId) ?? this.world.handled.get(eventId) ?? NO_EFFECT;
  }

  private answer(
    { eventId, replyTo, monthUsed }: IncomingEvent,
    verdict: Outcome['verdict'],
    { workflowsTriggered, executionsResumed }: Counts,
  ): void {
    if (replyTo === undefined) return;
    const slash = replyTo.indexOf('/');
    this.outcomes.push({
      replyTo,
      correlation: replyTo.slice(slash + 1),
      eventId,
      verdict,
      workflowsTriggered,
      executionsResumed,
      monthUsed,
    });
  }
}
