import type { WorkflowStatus } from '@trackline/contracts';
import type { ContactChangeRequest, Counts, SubscriptionRequest } from '../src/domain/effects.ts';
import { entryKey } from '../src/domain/board.ts';
import { hasEnded, type Execution, type StepVisit, type Workflow } from '../src/domain/execution.ts';
import type { ContactView } from '../src/domain/fields.ts';
import { lookedBack, waitedFor } from '../src/domain/waited-events.ts';
import type { RememberedEvent } from '../src/domain/remembered.ts';
import { timerOf, type TimerKind } from '../src/domain/timers.ts';
import type {
  Commit,
  Contacts,
  EffectWriter,
  ExecutionReader,
  KnownEntry,
  Message,
  MessagePublisher,
  OutboxEntry,
  TimerReader,
  WorkflowReader,
} from '../src/ports.ts';
import { applyUpdates } from './engine-builders.ts';

export type Fault = 'refused' | 'reply lost';

/**
 * The ports in memory, with the rules of the real ones: a commit stands whole or not at all, on what was read. Each call passes a
 * gate first, at which a test decides who goes next and what breaks.
 */
export class MemoryStore {
  nowMs = 0;
  organizationVersion = 1;
  readonly workflows = new Map<string, Workflow>();
  readonly positions = new Map<string, number>();
  readonly executions = new Map<string, Execution>();
  readonly visits = new Map<string, Map<number, StepVisit[]>>();
  readonly timers = new Map<string, { kind: TimerKind; dueAtMs: number }>();
  readonly handled = new Map<string, Counts>();
  readonly outbox = new Map<string, OutboxEntry>();
  readonly everInOutbox = new Map<string, OutboxEntry>();
  readonly contacts = new Map<string, ContactView>();
  readonly causes = new Map<string, ContactChangeRequest>();
  readonly entries = new Map<string, KnownEntry>();
  readonly remembered = new Map<string, RememberedEvent>();
  readonly subscriptions = new Map<string, SubscriptionRequest>();
  readonly published: Message[] = [];
  private readonly pass: (what: string) => Promise<Fault | undefined>;

  constructor(pass: (what: string) => Promise<Fault | undefined> = () => Promise.resolve(undefined)) {
    this.pass = pass;
  }

  /** Done at once: what an owner does by a request takes one transaction. */
  setStatus(workflowId: string, status: WorkflowStatus): void {
    const workflow = this.workflows.get(workflowId)!;
    if (workflow.status === 'archived' || workflow.status === status) return;
    this.workflows.set(workflowId, { ...workflow, status });
    this.organizationVersion += 1;
    for (const execution of this.executions.values()) {
      if (execution.workflowId !== workflowId || hasEnded(execution)) continue;
      const hasTurn = status === 'archived' || (status === 'enabled' && execution.status === 'paused');
      if (hasTurn) this.timers.set(execution.id, { kind: 'turn', dueAtMs: this.nowMs });
    }
  }

  readonly workflowReader: WorkflowReader = {
    versions: async (ids) => {
      await this.pass('versions');
      return new Map(ids.map((id) => [id, this.organizationVersion]));
    },
    indices: async (ids) => {
      await this.pass('indices');
      const workflows = [...this.workflows.values()];
      const names = workflows.flatMap(({ definition }) => [...waitedFor(definition)]);
      const lookedBackFor = workflows.flatMap(({ definition }) => [...lookedBack(definition)]);
      const version = this.organizationVersion;
      return new Map(
        ids.map((id) => [id, { version, workflows, waitedFor: names, lookedBack: lookedBackFor }]),
      );
    },
    definitions: async (refs) => {
      await this.pass('definitions');
      return refs.map(({ workflowId, version }) => {
        const { organizationId, definition } = this.workflows.get(workflowId)!;
        return { workflowId, version, organizationId, definition };
      });
    },
  };

  readonly executionReader: ExecutionReader = {
    byId: async (ids) => {
      await this.pass('byId');
      return new Map([...this.executions].filter(([id]) => ids.includes(id)));
    },
    visits: async (keys) => {
      await this.pass('visits');
      const found = new Map<string, Map<number, StepVisit>>();
      for (const { executionId, visit } of keys) {
        const last = this.visits.get(executionId)?.get(visit)?.at(-1);
        if (last) found.set(executionId, (found.get(executionId) ?? new Map()).set(visit, last));
      }
      return found;
    },
    waitingFor: async (keys) => {
      await this.pass('waitingFor');
      return [...this.executions.values()]
        .filter(({ contactId, waitsFor }) =>
          keys.some((key) => key.contactId === contactId && waitsFor.includes(key.eventName)),
        )
        .sort((a, b) => (a.id < b.id ? -1 : 1));
    },
    soleRuns: async (keys) => {
      await this.pass('soleRuns');
      return keys.filter((key) =>
        [...this.executions.values()].some(
          (e) => e.sole && !hasEnded(e) && e.workflowId === key.workflowId && e.contactId === key.contactId,
        ),
      );
    },
    aliases: () => Promise.resolve(new Map()),
    entries: async (keys) => {
      await this.pass('entries');
      return keys.flatMap(
        ({ workflowId, contactId }) => this.entries.get(entryKey(workflowId, contactId)) ?? [],
      );
    },
    runningOfContacts: async (contactIds) => {
      await this.pass('runningOfContacts');
      const running = [...this.executions.values()].filter((execution) => !hasEnded(execution));
      return new Map(
        contactIds.map((id) => [id, running.filter(({ contactId }) => contactId === id).length]),
      );
    },
    running: async (workflowIds) => {
      await this.pass('running');
      return new Map(workflowIds.map((id) => [id, this.runningOf(id)]));
    },
    remembered: async (refs) => {
      await this.pass('remembered');
      const all = [...this.remembered.values()].sort((a, b) => a.receivedAtMs - b.receivedAtMs);
      return new Map(
        refs.map(({ contactId }) => [contactId, all.filter((one) => one.contactId === contactId)]),
      );
    },
    handled: async (ids) => {
      await this.pass('handled');
      return new Map([...this.handled].filter(([id]) => ids.includes(id)));
    },
    isDeadLetter: async () => {
      await this.pass('isDeadLetter');
      return false;
    },
    positions: async () => {
      await this.pass('positions');
      return new Map(this.positions);
    },
  };

  readonly timerReader: TimerReader = {
    partitionsWithDue: () => Promise.resolve([0]),
    nowMs: () => Promise.resolve(this.nowMs),
    overdue: () => Promise.resolve({ count: 0, oldestMs: null }),
    due: async ({ frontierMs }, limit) => {
      await this.pass('due');
      const due = [...this.timers]
        .filter(
          ([, { kind, dueAtMs }]) => dueAtMs <= this.nowMs && (kind !== 'timeout' || dueAtMs <= frontierMs),
        )
        .sort(([, a], [, b]) => a.dueAtMs - b.dueAtMs)
        .slice(0, limit);
      return {
        nowMs: this.nowMs,
        executions: due.map(([id, { kind }]) => ({ execution: this.executions.get(id)!, kind })),
      };
    },
  };

  readonly writer: EffectWriter = {
    commit: async (commit) => {
      const fault = await this.pass('commit');
      if (fault === 'refused') throw new Error('the database is away');
      const stands = this.stands(commit);
      if (stands) this.store(commit);
      if (fault === 'reply lost') throw new Error('connection lost at the commit');
      return stands;
    },
    isUnstorable: (error) => error instanceof RangeError,
    leftOver: async (partition, limit) => {
      await this.pass('leftOver');
      return [...this.outbox.values()].filter((entry) => entry.partition === partition).slice(0, limit);
    },
    partitionsWithLeftOver: () => Promise.resolve([]),
    forget: async (ids) => {
      await this.pass('forget');
      for (const id of ids) this.outbox.delete(id);
    },
    noteRefusedUpdates: () => Promise.resolve(),
  };

  readonly contactPort: Contacts = {
    load: async (refs) => {
      await this.pass('contacts');
      return new Map(refs.map(({ contactId }) => [contactId, this.contacts.get(contactId)!]));
    },
    page: () => Promise.resolve({ items: [...this.contacts.values()], nextCursor: null }),
    find: (_organizationId, { contactId }) => Promise.resolve(contactId),
    update: async (changes) => {
      const fault = await this.pass('update');
      if (fault === 'refused') throw new Error('the directory is away');
      for (const change of changes) {
        if (this.causes.has(change.cause)) continue;
        this.causes.set(change.cause, change);
        const contact = this.contacts.get(change.contactId)!;
        this.contacts.set(change.contactId, applyUpdates(contact, change.updates).contact);
      }
      if (fault === 'reply lost') throw new Error('the reply of the directory was lost');
      return [];
    },
    subscribe: async (changes) => {
      const fault = await this.pass('subscribe');
      if (fault === 'refused') throw new Error('the directory is away');
      for (const change of changes) this.subscriptions.set(change.cause, change);
      if (fault === 'reply lost') throw new Error('the reply of the directory was lost');
    },
    apply: applyUpdates,
  };

  readonly publisher: MessagePublisher = {
    publish: async (messages) => {
      const fault = await this.pass('publish');
      if (fault === 'refused') throw new Error('the broker is away');
      this.published.push(...messages);
      if (fault === 'reply lost') throw new Error('the acknowledgement was lost');
    },
  };

  private runningOf(workflowId: string): number {
    return [...this.executions.values()].filter((e) => e.workflowId === workflowId && !hasEnded(e)).length;
  }

  private stands({ positions, effects, unchanged, entries, capacity }: Commit): boolean {
    for (const { workflowId, contactId, startedAtMs, knownStartedAtMs } of entries ?? []) {
      const known = this.entries.get(entryKey(workflowId, contactId))?.lastStartedAtMs ?? null;
      if (startedAtMs !== null && known !== knownStartedAtMs) return false;
    }
    for (const { workflowId, limit } of capacity ?? []) {
      const changes = [...(effects?.executions.values() ?? [])]
        .filter(({ execution }) => execution.workflowId === workflowId)
        .map(({ from, execution }) => Number(!hasEnded(execution)) - Number(from !== null));
      const more = changes.reduce((sum, change) => sum + change, 0);
      if (more > 0 && this.runningOf(workflowId) + more > limit) return false;
    }
    for (const { source, from } of positions?.moved ?? [])
      if ((this.positions.get(source) ?? -1) !== from) return false;
    for (const version of unchanged?.values() ?? []) if (version !== this.organizationVersion) return false;
    for (const { from, execution } of effects?.executions.values() ?? []) {
      const stored = this.executions.get(execution.id);
      if (from === null ? stored !== undefined : stored?.revision !== from) return false;
    }
    return true;
  }

  private store({ positions, effects, outbox, settled, entries }: Commit): void {
    for (const { workflowId, contactId, startedAtMs, endedAtMs } of entries ?? []) {
      const known = this.entries.get(entryKey(workflowId, contactId));
      this.entries.set(entryKey(workflowId, contactId), {
        workflowId,
        contactId,
        lastStartedAtMs: startedAtMs ?? known?.lastStartedAtMs ?? null,
        lastEndedAtMs: endedAtMs ?? known?.lastEndedAtMs ?? null,
      });
    }
    for (const one of effects?.remembered ?? [])
      this.remembered.set(`${one.contactId}:${one.event.name}:${one.event.eventId}`, one);
    for (const { source, to } of positions?.moved ?? []) this.positions.set(source, to);
    for (const { execution } of effects?.executions.values() ?? []) {
      this.executions.set(execution.id, execution);
      this.setTimer(execution);
    }
    for (const execution of settled ?? []) this.setTimer(execution);
    for (const [id, log] of effects?.visits ?? []) {
      const stored = this.visits.get(id) ?? new Map<number, StepVisit[]>();
      this.visits.set(id, stored);
      for (const [visit, entry] of log) stored.set(visit, [...(stored.get(visit) ?? []), entry]);
    }
    for (const [id, counts] of effects?.handled ?? []) this.handled.set(id, counts);
    for (const entry of outbox ?? []) {
      this.outbox.set(entry.id, entry);
      this.everInOutbox.set(entry.id, entry);
    }
  }

  private setTimer(execution: Execution): void {
    const timer = timerOf(execution);
    if (timer) this.timers.set(execution.id, timer);
    else this.timers.delete(execution.id);
  }
}
