import {
  MAX_CONTACT_EXECUTIONS,
  type CompletedAction,
  type RequestedAction,
  type WorkflowStatus,
} from '@trackline/contracts';
import { advance } from '../src/domain/advance.ts';
import { entryKey, type BoardWorld } from '../src/domain/board.ts';
import { decideCompleted } from '../src/domain/decide-completed.ts';
import { decideDue } from '../src/domain/decide-due.ts';
import { decideEvents, type IncomingEvent } from '../src/domain/decide-events.ts';
import { decideScheduled } from '../src/domain/decide-scheduled.ts';
import { decideSignals } from '../src/domain/decide-signals.ts';
import { EffectCollector, type Counts, type Effects } from '../src/domain/effects.ts';
import type { EntryFacts } from '../src/domain/entry.ts';
import { hasEnded, type Execution, type StepVisit, type Workflow } from '../src/domain/execution.ts';
import type { ContactView } from '../src/domain/fields.ts';
import { toOrganizationWorkflows } from '../src/domain/organization.ts';
import type { RememberedEvent } from '../src/domain/remembered.ts';
import type { SignalKind } from '../src/domain/signal.ts';
import { timerOf } from '../src/domain/timers.ts';
import { lookedBack, waitedFor } from '../src/domain/waited-events.ts';
import { anEvent, applyUpdates, ORGANIZATION } from './engine-builders.ts';
import { HeardOf, ModelDirectory, type Word } from './engine-people.ts';

/** What was decided, and on what: it stands only if nothing of that has changed by the time it is stored. */
interface Proposal {
  readonly effects: Effects;
  readonly positions?: { readonly from: number; readonly to: number };
  readonly version: number;
  /** Whom their timer does not concern as they stand. */
  readonly settled?: readonly Execution[];
  /** Starts that no event counts. */
  readonly started?: number;
}

const ENDS: readonly CompletedAction['status'][] = ['delivered', 'failed', 'logged'];
const SOURCE = 'received.1.0';
const SIGNALS = 'contacts.1.0';
/** Of each contact who has something running here, in workflows that nobody looks at: so that a handful meets the bound. */
const RUN_ELSEWHERE = MAX_CONTACT_EXECUTIONS - 3;

/**
 * A trigger of pure decisions over a store of plain maps, which keeps to the rules of the real one: what was decided is stored whole, and
 * only on what was read. Decisions may be stored late, twice, or never.
 */
export class EngineModel {
  nowMs = 1_000_000;
  private version = 1;
  private next = 0;
  private offset = -1;
  private signals = -1;
  /** Words of the directory that were taken note of. */
  private words = 0;
  private ids = 0;
  private pending: Proposal | undefined;
  private readonly turns = new Set<string>();
  private remembered: RememberedEvent[] = [];

  readonly workflows: Map<string, Workflow>;
  readonly directory: ModelDirectory;
  readonly heard = new HeardOf();
  private readonly unheard = new Set<number>();
  readonly log: IncomingEvent[] = [];
  /** By event: whose it was, as far as was known when it came. */
  readonly owners = new Map<string, string>();
  readonly executions = new Map<string, Execution>();
  /** Every revision that was stored, in order. */
  readonly history = new Map<string, Execution[]>();
  /** Everything that was ever written of a visit, in order. */
  readonly visits = new Map<string, Map<number, StepVisit[]>>();
  readonly actions: RequestedAction[] = [];
  readonly handled = new Map<string, Counts>();
  readonly refusals: { readonly workflowId: string; readonly reason: string }[] = [];
  /** By execution: after which visit it was told to go on from which step. */
  readonly retries = new Map<string, Map<number, string>>();
  /** What was decided and must not be, whether or not it was stored. */
  readonly faults: string[] = [];
  /** By a timer, while events were handled: what these left to look back for was not seen. */
  readonly movedLate = new Set<string>();
  /** What has happened to executions here. */
  readonly met = new Set<string>();
  /** Stored late, for a contact who was merged or erased by then: they run until somebody looks. */
  private readonly strays = new Set<string>();
  private readonly cleared = new Set<string>();
  startedByOthers = 0;

  constructor(workflows: readonly Workflow[], contacts: readonly ContactView[]) {
    this.workflows = new Map(workflows.map((workflow) => [workflow.id, workflow]));
    this.directory = new ModelDirectory(contacts);
  }

  private readonly tools = {
    newId: (): string => `id-${String(this.ids++).padStart(6, '0')}`,
    applyUpdates,
  };

  private readonly workflowOf = ({ workflowId }: Execution): Workflow | undefined =>
    this.workflows.get(workflowId);

  track(name: string, contactId: string, properties: object, backfill = false): void {
    const offset = this.log.length;
    const event = anEvent({ name, offset, contactId, backfill, receivedAtMs: this.nowMs }, properties);
    this.log.push(event);
    this.owners.set(event.eventId, this.heard.idOf(contactId));
  }

  /** The next events, or with `rewind` some that were read before, too. */
  handle(count: number, rewind: number, late: boolean): void {
    const from = Math.max(0, this.next - rewind);
    const events = this.log.slice(from, this.next + count).map((event) => this.followed(event));
    const before = this.offset;
    const { effects, positions } = decideEvents(
      events,
      {
        ...this.board(events.filter(({ erased }) => !erased).map(({ contactId }) => contactId)),
        waiting: this.waitingFor(events),
        workflowOf: this.workflowOf,
        positions: new Map([[SOURCE, before]]),
        organizations: new Map([[ORGANIZATION, this.organization()]]),
        handled: this.handled,
      },
      this.tools,
    );
    const to = positions.get(SOURCE)!;
    this.propose({ effects, positions: { from: before, to }, version: this.version }, late);
    this.next = Math.max(this.next, this.offset + 1);
  }

  fire(late: boolean): void {
    const due = [...this.executions.values()].flatMap((execution) => {
      const timer = timerOf(execution);
      if (this.turns.has(execution.id)) return [{ execution, kind: 'turn' as const }];
      if (!timer || timer.dueAtMs > this.nowMs) return [];
      if (timer.kind === 'timeout' && timer.dueAtMs > this.frontierMs()) return [];
      return [{ execution, kind: timer.kind }];
    });
    const { contacts, remembered } = this.board(due.map(({ execution }) => execution.contactId));
    const world = { workflowOf: this.workflowOf, contacts, nowMs: this.nowMs, remembered: remembered! };
    const { effects, untouched } = decideDue(due, world, this.tools);
    this.propose({ effects, version: this.version, settled: untouched }, late);
  }

  setStatus(workflowId: string, status: WorkflowStatus): void {
    const workflow = this.workflows.get(workflowId)!;
    if (workflow.status === 'archived') return;
    this.workflows.set(workflowId, { ...workflow, status });
    this.version += 1;
    for (const execution of this.executions.values())
      if (execution.workflowId === workflowId && !hasEnded(execution))
        if (status === 'archived' || (status === 'enabled' && execution.status === 'paused'))
          this.turns.add(execution.id);
  }

  byHand(index: number, kind: 'cancel' | 'retry'): void {
    const execution = [...this.executions.values()][index % Math.max(1, this.executions.size)];
    if (!execution) return;
    const workflow = this.workflowOf(execution)!;
    const input = kind === 'retry' ? ({ kind } as const) : ({ kind, reason: 'by hand' } as const);
    const { remembered, contacts } = this.board([execution.contactId]);
    const moved = advance(workflow, execution, input, {
      nowMs: this.nowMs,
      contact: contacts.get(execution.contactId),
      applyUpdates,
      remembered: remembered!.get(execution.contactId) ?? [],
    });
    if (!moved) return;
    if (kind === 'retry' && this.isSecond(execution)) return;
    const effects = new EffectCollector(this.tools.newId);
    effects.add(execution, moved);
    if (kind === 'retry') {
      const told = this.retries.get(execution.id) ?? new Map<number, string>();
      this.retries.set(execution.id, told.set(execution.visits, execution.retryFrom!));
    }
    this.propose({ effects, version: this.version }, false);
  }

  /** How an action ends is said once: told again, it is the same word. */
  complete(index: number, late: boolean): void {
    const action = this.actions[index % Math.max(1, this.actions.length)];
    if (!action) return;
    const { id, organizationId, contactId, executionId, workflowId, stepId, visit, kind } = action;
    const about = { id, organizationId, contactId, executionId, workflowId, stepId, visit, kind };
    const status = ENDS[parseInt(id.slice(0, 8), 16) % ENDS.length]!;
    const completed = { ...about, status, attempts: 1, completedAtMs: action.requestedAtMs };
    // Which action it was is taken out of what an erased contact leaves.
    const steps = this.cleared.has(executionId) ? [] : [...(this.visits.get(executionId) ?? [])];
    const shown = new Map(steps.map(([number, written]) => [number, written.at(-1)!]));
    const world = {
      visits: new Map([[executionId, shown]]),
      executions: new Map([[executionId, this.executions.get(executionId)!]]),
      workflowOf: this.workflowOf,
      nowMs: this.nowMs,
    };
    const { effects } = decideCompleted([completed, completed], world, this.tools);
    this.propose({ effects, version: this.version }, late);
  }

  signal(kind: SignalKind, contactId: string, repeated: boolean): void {
    const offset = repeated ? this.signals : this.signals + 1;
    const signal = this.followed({
      kind,
      organizationId: ORGANIZATION,
      contactId,
      position: { source: SIGNALS, offset },
      atMs: this.nowMs,
      isByWorkflow: false,
      isErased: this.heard.isErased(contactId),
    });
    const positions = new Map([[SIGNALS, this.signals]]);
    const organizations = new Map([[ORGANIZATION, this.organization()]]);
    const world = { ...this.board([signal.contactId]), positions, organizations };
    const { effects } = decideSignals([signal], world, this.tools);
    this.signals = Math.max(this.signals, offset);
    this.propose({ effects, version: this.version, started: effects.executions.size }, false);
  }

  /** A due time that is gone through again now and then. */
  schedule(workflowId: string, minute: number): void {
    const workflow = this.workflows.get(workflowId)!;
    if (workflow.status !== 'enabled') return;
    const contacts = this.directory.all();
    const { entries, running, runningOfContacts, remembered } = this.board(contacts.map(({ id }) => id));
    const { effects, started } = decideScheduled(
      { workflow, dueAtMs: minute * 60_000, nowMs: this.nowMs },
      contacts,
      {
        entries: entries!,
        running: running!,
        runningOfContacts: runningOfContacts!,
        remembered: remembered!,
      },
      this.tools,
    );
    this.propose({ effects, version: this.version, started }, false);
  }

  /** What was decided before is stored now, if it still stands. */
  storePending(): void {
    const proposal = this.pending;
    this.pending = undefined;
    if (proposal && this.store(proposal) && !proposal.positions)
      for (const id of proposal.effects.executions.keys()) this.movedLate.add(id);
    this.next = Math.max(this.next, this.offset + 1);
  }

  /** One of the words that have not been heard, or with `again` any. */
  hear(index: number, again: boolean): void {
    for (let n = this.words; n < this.directory.words.length; n++) this.unheard.add(n);
    this.words = this.directory.words.length;
    const open = again ? [...this.directory.words.keys()] : [...this.unheard];
    const chosen = open[index % Math.max(1, open.length)];
    if (chosen === undefined) return;
    this.unheard.delete(chosen);
    this.take(this.directory.words[chosen]!);
  }

  hearAll(): void {
    do this.hear(0, false);
    while (this.unheard.size > 0);
  }

  /** What was stored late for whoever was merged or erased follows. */
  settleContacts(): void {
    for (const [id, into] of this.heard.aliases) this.move(id, into);
    for (const id of this.heard.erased) this.endAll(id);
  }

  private take(word: Word): void {
    if (word.kind === 'known') this.giveHeldTurns(word.contactId);
    if (word.kind === 'erased') {
      this.heard.erased.add(word.contactId);
      this.endAll(word.contactId);
    }
    if (word.kind !== 'merged') return;
    const into = this.heard.merge(word.contactId, word.into);
    if (into !== undefined) this.move(word.contactId, into);
    const stayed = into ?? word.into;
    if (this.heard.erased.has(stayed)) this.endAll(stayed);
  }

  private move(contactId: string, into: string): void {
    for (const execution of this.executions.values()) {
      if (execution.contactId !== contactId) continue;
      if (this.strays.delete(execution.id)) this.met.add('moved late');
      else if (!hasEnded(execution)) this.met.add(execution.held ? 'moved while held' : 'moved');
      const moved = { ...execution, contactId: into };
      this.touch({ ...moved, sole: moved.sole && (hasEnded(moved) || !this.isSecond(moved)) });
    }
    this.remembered = this.remembered
      .map((event) => (event.contactId === contactId ? { ...event, contactId: into } : event))
      .sort((a, b) => a.receivedAtMs - b.receivedAtMs);
    this.giveHeldTurns(into);
  }

  private giveHeldTurns(contactId: string): void {
    for (const execution of this.executions.values()) {
      if (!execution.held || execution.contactId !== contactId) continue;
      this.touch(execution);
      this.turns.add(execution.id);
    }
  }

  /** Whoever is erased has nothing that runs, and what has ended says nothing any more. */
  private endAll(contactId: string): void {
    for (const execution of this.executions.values()) {
      if (execution.contactId !== contactId) continue;
      if (this.strays.delete(execution.id)) this.met.add('erased late');
      else if (!hasEnded(execution)) this.met.add(execution.held ? 'erased while held' : 'erased');
      if (!hasEnded(execution)) this.cancelErased(execution);
      const { trigger, ...ended } = this.executions.get(execution.id)!;
      this.touch({ ...ended, retryFrom: null, trigger: { ...trigger, properties: {} }, resumes: {} });
      this.cleared.add(execution.id);
    }
    this.remembered = this.remembered.filter((event) => event.contactId !== contactId);
  }

  private cancelErased(execution: Execution): void {
    const input = { kind: 'cancel', reason: 'the contact was erased' } as const;
    const surroundings = { nowMs: this.nowMs, contact: undefined, applyUpdates };
    const effects = new EffectCollector(this.tools.newId);
    effects.add(execution, advance(this.workflowOf(execution)!, execution, input, surroundings)!);
    this.store({ effects, version: this.version });
  }

  /** Whoever decided on it a moment ago finds that it has changed. */
  private touch(execution: Execution): void {
    const touched = { ...execution, revision: execution.revision + 1 };
    this.executions.set(touched.id, touched);
    this.history.set(touched.id, [...(this.history.get(touched.id) ?? []), touched]);
  }

  /** Whatever comes first: now, or the first event that has not been read. */
  frontierMs(): number {
    return Math.min(this.nowMs, this.log[this.offset + 1]?.receivedAtMs ?? this.nowMs);
  }

  /** Of a contact who was merged, it is that of the one that stayed; of one who was erased, it is nobody's. */
  private followed<Told extends { readonly contactId: string }>(told: Told): Told & { erased?: boolean } {
    const contactId = this.heard.idOf(told.contactId);
    return { ...told, contactId, ...(this.heard.isErased(contactId) && { erased: true }) };
  }

  private propose(proposal: Proposal, late: boolean): void {
    this.inspect(proposal);
    if (late) this.pending = proposal;
    else this.store(proposal);
  }

  /** Nothing begins or goes on for who was erased, but what was stored late; and nobody is written to who is not there or not known. */
  private inspect({ effects, positions }: Proposal): void {
    for (const [id, { execution }] of effects.executions)
      for (const { detail } of effects.visits.get(id)?.values() ?? [])
        if (detail?.reason === 'no_address' && this.directory.find(execution.contactId)?.provisional)
          this.faults.push(`a send of ${id} did not wait for who ${execution.contactId} is`);
    for (const { from, execution } of effects.executions.values()) {
      const mayGoOn = from !== null && positions === undefined && this.strays.has(execution.id);
      if (this.heard.isErased(execution.contactId) && !mayGoOn)
        this.faults.push(`execution ${execution.id} went on for ${execution.contactId}, who is erased`);
    }
    for (const { contactId } of effects.remembered)
      if (this.heard.isErased(contactId)) this.faults.push(`an event of ${contactId} was kept`);
    for (const { id, kind, contactId, request } of effects.actions) {
      const contact = this.directory.find(contactId);
      const isTheirs = 'to' in request && [contact?.email, contact?.phone].includes(request.to);
      if (!contact || (kind !== 'webhook' && (contact.provisional || !isTheirs)))
        this.faults.push(`${kind} ${id} was requested for ${contactId}, who is not there or not known`);
    }
  }

  /** Whether what it was decided on is still so. */
  private store(proposal: Proposal): boolean {
    const { effects, positions, version, settled = [], started = 0 } = proposal;
    if (version !== this.version || (positions && positions.from !== this.offset)) return false;
    for (const { from, execution } of effects.executions.values()) {
      if ((this.executions.get(execution.id)?.revision ?? null) !== from) return false;
      if (from === null && this.isSecond(execution)) return false;
    }
    if (positions) this.offset = positions.to;
    for (const { from, execution } of effects.executions.values()) {
      this.keep(execution);
      if (from === null && this.heard.isGone(execution.contactId)) this.strays.add(execution.id);
    }
    for (const { id, revision } of settled)
      if (this.executions.get(id)!.revision === revision) this.turns.delete(id);
    for (const [id, log] of effects.visits) {
      const written = this.visits.get(id) ?? new Map<number, StepVisit[]>();
      this.visits.set(id, written);
      for (const [number, visit] of log) written.set(number, [...(written.get(number) ?? []), visit]);
    }
    for (const [id, counts] of effects.handled) this.handled.set(id, counts);
    for (const { contactId, updates } of effects.contactUpdates)
      this.directory.change(contactId, (contact) => applyUpdates(contact, updates).contact);
    this.actions.push(...effects.actions);
    this.refusals.push(...effects.refusals);
    this.startedByOthers += started;
    const frontier = this.frontierMs();
    this.remembered = [...this.remembered, ...effects.remembered].filter((e) => e.forgetAtMs >= frontier);
    return true;
  }

  /** The store's unique index: of a workflow with one execution per contact another one runs. */
  private isSecond(execution: Execution): boolean {
    return (
      execution.sole &&
      [...this.executions.values()].some(
        (other) =>
          other.sole && !hasEnded(other) && key(other) === key(execution) && other.id !== execution.id,
      )
    );
  }

  private keep(execution: Execution): void {
    this.turns.delete(execution.id);
    this.executions.set(execution.id, execution);
    this.history.set(execution.id, [...(this.history.get(execution.id) ?? []), execution]);
  }

  private waitingFor(events: readonly IncomingEvent[]): Execution[] {
    return [...this.executions.values()]
      .filter(({ contactId, waitsFor }) =>
        events.some(
          (event) => !event.erased && event.contactId === contactId && waitsFor.includes(event.name),
        ),
      )
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  private organization() {
    const workflows = [...this.workflows.values()];
    return toOrganizationWorkflows({
      version: this.version,
      statuses: new Map(workflows.map(({ id, status }) => [id, status])),
      enabled: workflows.filter(({ status }) => status === 'enabled'),
      waitedFor: workflows.flatMap(({ definition }) => [...waitedFor(definition)]),
      lookedBack: workflows.flatMap(({ definition }) => [...lookedBack(definition)]),
    });
  }

  private board(contactIds: readonly string[]): BoardWorld {
    const entries = new Map<string, EntryFacts>();
    const running = new Map<string, number>();
    const runningOfContacts = new Map<string, number>();
    for (const execution of this.executions.values()) {
      const { workflowId, contactId, startedAtMs, endedAtMs } = execution;
      if (!hasEnded(execution)) {
        running.set(workflowId, (running.get(workflowId) ?? 0) + 1);
        runningOfContacts.set(contactId, (runningOfContacts.get(contactId) ?? RUN_ELSEWHERE) + 1);
      }
      const known = entries.get(key(execution));
      entries.set(entryKey(workflowId, contactId), {
        isRunning: (known?.isRunning ?? false) || !hasEnded(execution),
        lastStartedAtMs: Math.max(known?.lastStartedAtMs ?? 0, startedAtMs),
        lastEndedAtMs: Math.max(known?.lastEndedAtMs ?? -1, endedAtMs ?? -1),
      });
    }
    for (const [at, facts] of entries)
      if (facts.lastEndedAtMs === -1) entries.set(at, { ...facts, lastEndedAtMs: null });
    const remembered = new Map<string, RememberedEvent[]>();
    for (const event of this.remembered)
      remembered.set(event.contactId, [...(remembered.get(event.contactId) ?? []), event]);
    return { contacts: this.directory.load(contactIds), entries, running, runningOfContacts, remembered };
  }
}

const key = ({ workflowId, contactId }: Execution): string => entryKey(workflowId, contactId);
