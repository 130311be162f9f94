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

/** What was decided, and on what: it stands only if nothing of that has changed by the time it is stored. */
interface Proposal {
  readonly effects: Effects;
  readonly positions?: { readonly from: number; readonly to: number };
  readonly version: number;
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
  private ids = 0;
  private pending: Proposal | undefined;
  private readonly turns = new Set<string>();
  private remembered: RememberedEvent[] = [];

  readonly workflows: Map<string, Workflow>;
  readonly contacts: Map<string, ContactView>;
  readonly log: IncomingEvent[] = [];
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
  startedByOthers = 0;

  constructor(workflows: readonly Workflow[], contacts: readonly ContactView[]) {
    this.workflows = new Map(workflows.map((workflow) => [workflow.id, workflow]));
    this.contacts = new Map(contacts.map((contact) => [contact.id, contact]));
  }

  private readonly tools = {
    newId: (): string => `id-${String(this.ids++).padStart(6, '0')}`,
    applyUpdates,
  };

  private readonly workflowOf = ({ workflowId }: Execution): Workflow | undefined =>
    this.workflows.get(workflowId);

  track(name: string, contactId: string, properties: object, backfill = false): void {
    const offset = this.log.length;
    this.log.push(anEvent({ name, offset, contactId, backfill, receivedAtMs: this.nowMs }, properties));
  }

  /** The next events, or with `rewind` some that were read before, too. */
  handle(count: number, rewind: number, late: boolean): void {
    const from = Math.max(0, this.next - rewind);
    const events = this.log.slice(from, this.next + count);
    const before = this.offset;
    const { effects, positions } = decideEvents(
      events,
      {
        ...this.board(events.map(({ contactId }) => contactId)),
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
    const { contacts, remembered } = this.board([]);
    const world = { workflowOf: this.workflowOf, contacts, nowMs: this.nowMs, remembered: remembered! };
    const { effects, untouched } = decideDue(due, world, this.tools);
    this.propose({ effects, version: this.version }, late);
    for (const { id } of untouched) this.turns.delete(id);
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
    const isSecond = [...this.executions.values()].some(
      (other) => other.sole && !hasEnded(other) && key(other) === key(execution) && other.id !== execution.id,
    );
    // The store's unique index refuses it.
    if (execution.sole && isSecond && kind === 'retry') return;
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
    const shown = new Map(
      [...(this.visits.get(executionId) ?? [])].map(([number, written]) => [number, written.at(-1)!]),
    );
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
    const signal = {
      kind,
      organizationId: ORGANIZATION,
      contactId,
      position: { source: SIGNALS, offset },
      atMs: this.nowMs,
      isByWorkflow: false,
    };
    const positions = new Map([[SIGNALS, this.signals]]);
    const organizations = new Map([[ORGANIZATION, this.organization()]]);
    const world = { ...this.board([contactId]), positions, organizations };
    const { effects } = decideSignals([signal], world, this.tools);
    this.signals = Math.max(this.signals, offset);
    this.propose({ effects, version: this.version, started: effects.executions.size }, false);
  }

  /** A due time that is gone through again now and then. */
  schedule(workflowId: string, minute: number): void {
    const workflow = this.workflows.get(workflowId)!;
    if (workflow.status !== 'enabled') return;
    const contacts = [...this.contacts.values()];
    const { entries, running, runningOfContacts, remembered } = this.board([...this.contacts.keys()]);
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
    if (proposal) this.store(proposal);
    this.next = Math.max(this.next, this.offset + 1);
  }

  /** Whatever comes first: now, or the first event that has not been read. */
  frontierMs(): number {
    return Math.min(this.nowMs, this.log[this.offset + 1]?.receivedAtMs ?? this.nowMs);
  }

  private propose(proposal: Proposal, late: boolean): void {
    if (late) this.pending = proposal;
    else this.store(proposal);
  }

  private store(proposal: Proposal): void {
    const { effects, positions, version, started = 0 } = proposal;
    if (version !== this.version || (positions && positions.from !== this.offset)) return;
    for (const { from, execution } of effects.executions.values())
      if ((this.executions.get(execution.id)?.revision ?? null) !== from) return;
    if (positions) this.offset = positions.to;
    for (const { execution } of effects.executions.values()) this.keep(execution);
    for (const [id, log] of effects.visits) {
      const written = this.visits.get(id) ?? new Map<number, StepVisit[]>();
      this.visits.set(id, written);
      for (const [number, visit] of log) written.set(number, [...(written.get(number) ?? []), visit]);
    }
    for (const [id, counts] of effects.handled) this.handled.set(id, counts);
    for (const { contactId, updates } of effects.contactUpdates)
      this.contacts.set(contactId, applyUpdates(this.contacts.get(contactId)!, updates).contact);
    this.actions.push(...effects.actions);
    this.refusals.push(...effects.refusals);
    this.startedByOthers += started;
    const frontier = this.frontierMs();
    this.remembered = [...this.remembered, ...effects.remembered].filter((e) => e.forgetAtMs >= frontier);
  }

  private keep(execution: Execution): void {
    this.turns.delete(execution.id);
    this.executions.set(execution.id, execution);
    this.history.set(execution.id, [...(this.history.get(execution.id) ?? []), execution]);
  }

  private waitingFor(events: readonly IncomingEvent[]): Execution[] {
    return [...this.executions.values()]
      .filter(({ contactId, waitsFor }) =>
        events.some((event) => event.contactId === contactId && waitsFor.includes(event.name)),
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
    const contacts = new Map(
      [...this.contacts].filter(([id]) => contactIds.length === 0 || contactIds.includes(id)),
    );
    return { contacts, entries, running, runningOfContacts, remembered };
  }
}

const key = ({ workflowId, contactId }: Execution): string => entryKey(workflowId, contactId);
