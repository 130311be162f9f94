import type { AdmittedEvent, Outcome } from '@trackline/contracts';
import { Board, type BoardWorld, type Tools } from './board.ts';
import {
  conversionEventOf,
  decideConversion,
  type ConversionFate,
  type FeedbackWorld,
} from './conversion.ts';
import { didSomething, NO_EFFECT, type Counts, type Effects } from './effects.ts';
import type { Execution, Workflow } from './execution.ts';
import type { EventView } from './fields.ts';
import { matchTriggers } from './match-triggers.ts';
import { NO_WORKFLOWS, type OrganizationWorkflows } from './organization.ts';
import { isPast, type Positions } from './positions.ts';

/** An admitted event whose properties are read only when something may come of it. */
export interface IncomingEvent extends AdmittedEvent {
  readonly view: () => EventView;
  /** It came back from the dead letters: its position was passed without an effect. */
  readonly redriven?: boolean;
  /** Of a contact who was erased: it starts and resumes nothing, and nobody is told of it. */
  readonly erased?: boolean;
}

/** Everything that was read for a batch. */
export interface World extends BoardWorld {
  readonly positions: Positions;
  readonly organizations: ReadonlyMap<string, OrganizationWorkflows>;
  readonly waiting: readonly Execution[];
  readonly workflowOf: (execution: Execution) => Workflow | undefined;
  /** What earlier events did, for those that come again or are asked about. */
  readonly handled: ReadonlyMap<string, Counts>;
  /** What is known of who wants Meta to be told; absent: nobody does. */
  readonly feedback?: FeedbackWorld;
}

export interface Decision {
  readonly effects: Effects;
  readonly hasEffects: boolean;
  readonly positions: Positions;
  /** Of every event that someone waits for; `replyTo` says who. */
  readonly outcomes: readonly (Outcome & { readonly replyTo: string })[];
  /** For counting: what became of how many. */
  readonly tally: Readonly<Record<EventFate, number>>;
  /** For counting: of orders and leads that concern Meta, what became of how many. */
  readonly conversions: ReadonlyMap<ConversionFate, number>;
}

export type EventFate = 'effect' | 'no_effect' | 'seen_before' | 'replay' | 'backfill' | 'erased';

/** Decides a batch, event after event, each on what those before it have left. Pure. */
export function decideEvents(events: readonly IncomingEvent[], world: World, tools: Tools): Decision {
  const batch = new Batch(world, tools);
  for (const event of events) batch.take(event);
  return batch.decision();
}

class Batch {
  private readonly world: World;
  private readonly newId: () => string;
  private readonly board: Board;
  private readonly positions: Map<string, number>;
  private readonly outcomes: (Outcome & { replyTo: string })[] = [];
  private readonly tally: Record<EventFate, number> = {
    effect: 0,
    no_effect: 0,
    seen_before: 0,
    replay: 0,
    backfill: 0,
    erased: 0,
  };

  private readonly conversions = new Map<ConversionFate, number>();

  constructor(world: World, tools: Tools) {
    this.world = world;
    this.newId = tools.newId;
    this.board = new Board(world, tools);
    this.positions = new Map(world.positions);
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
    } else if (event.backfill || event.erased) {
      this.tally[event.backfill ? 'backfill' : 'erased'] += 1;
      this.answer(event, 'admitted', NO_EFFECT);
    } else {
      this.apply(event);
    }
    if (!isSeen) this.positions.set(event.position.source, event.position.offset);
  }

  decision(): Decision {
    const { positions, outcomes, tally, conversions } = this;
    const { effects } = this.board;
    return { effects, hasEffects: !effects.isEmpty, positions, outcomes, tally, conversions };
  }

  private apply(event: IncomingEvent): void {
    const { organizationId, contactId, name } = event;
    // Whoever waits now, waited before this event: it never resumes a wait that it starts itself.
    const waiting = this.board.waitingFor(organizationId, contactId, name);
    let executionsResumed = 0;
    for (const id of waiting) if (this.resume(id, event)) executionsResumed += 1;
    const counts = { workflowsTriggered: this.startAll(event), executionsResumed };
    if (didSomething(counts)) this.board.effects.handled.set(event.eventId, counts);
    this.remember(event);
    this.convert(event);
    this.tally[didSomething(counts) ? 'effect' : 'no_effect'] += 1;
    this.answer(event, 'admitted', counts);
  }

  private resume(id: string, event: IncomingEvent): boolean {
    const { contactId, receivedAtMs } = event;
    const input = { kind: 'event', event: event.view(), receivedAtMs } as const;
    return this.board.resume(id, input, { contactId, nowMs: receivedAtMs });
  }

  private startAll(event: IncomingEvent): number {
    const { contactId, receivedAtMs: nowMs } = event;
    const organization = this.organizationOf(event);
    if (!organization.startedBy.has(event.name)) return 0;
    let started = 0;
    for (const workflow of matchTriggers(organization, event.name, event.view().properties)) {
      const begun = { id: this.newId(), contactId, event: event.view(), nowMs };
      if (!this.board.start(workflow, begun)) started += 1;
    }
    return started;
  }

  private remember(event: IncomingEvent): void {
    const { organizationId, contactId, eventId, name, receivedAtMs } = event;
    const seconds = this.organizationOf(event).lookedBack.get(name);
    if (seconds === undefined) return;
    const view = { ...event.view(), eventId, name };
    const forgetAtMs = receivedAtMs + seconds * 1000;
    this.board.remember({ organizationId, contactId, event: view, receivedAtMs, forgetAtMs });
  }

  private convert(event: IncomingEvent): void {
    const { terms, clicks } = this.world.feedback ?? {};
    const own = terms?.get(event.organizationId);
    const eventName = own && conversionEventOf(event.name, own);
    if (!eventName) return;
    const known = { terms: own, click: clicks?.get(event.eventId) };
    const decision = decideConversion(event, eventName, event.view().properties, known);
    this.conversions.set(decision.fate, (this.conversions.get(decision.fate) ?? 0) + 1);
    if (decision.fate === 'requested') this.board.effects.conversions.push(decision.action);
  }

  private organizationOf({ organizationId }: IncomingEvent): OrganizationWorkflows {
    return this.world.organizations.get(organizationId) ?? NO_WORKFLOWS;
  }

  private doneBy(eventId: string): Counts {
    return this.board.effects.handled.get(eventId) ?? this.world.handled.get(eventId) ?? NO_EFFECT;
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
