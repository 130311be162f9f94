import { encodeAdmitted } from '@trackline/contracts';
import type fc from 'fast-check';
import { Frontier } from '../src/domain/frontier.ts';
import { fireDue } from '../src/pipeline/fire-due.ts';
import { handleAdmitted } from '../src/pipeline/handle-admitted.ts';
import { KnownWorkflows } from '../src/pipeline/known-workflows.ts';
import { Outbox } from '../src/pipeline/outbox.ts';
import type { PartitionState } from '../src/pipeline/partition-state.ts';
import { aWorkflow } from './engine-builders.ts';
import { MemoryStore, type Fault } from './memory-store.ts';
import { named, type Action, type Bare } from './random-flow.ts';

const SOURCE = 'received.1.0';
const uuid = (kind: number, n: number): string =>
  `0000000${kind}-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
const ORGANIZATION_ID = uuid(3, 0);
const CONTACTS = [uuid(1, 0), uuid(1, 1)];

/** Two instances that both think they own the partition, over one store in memory. */
export class World {
  readonly store: MemoryStore;
  readonly log: ReturnType<typeof toMessage>[] = [];
  readonly receivedAtMs: number[] = [];
  readonly instances: {
    readonly state: PartitionState;
    next: number;
    readonly use: ReturnType<World['instance']>;
  }[] = [];
  private readonly faults = new Map<string, Fault>();
  private readonly pass: (what?: string) => Promise<void>;
  private ids = 0;

  constructor(
    scheduler: fc.Scheduler | undefined,
    definitions: readonly (readonly [string, readonly Bare[]])[],
  ) {
    this.pass = async (what = 'next') => {
      if (scheduler) await scheduler.schedule(Promise.resolve(), what);
    };
    this.store = new MemoryStore(async (what) => {
      await this.pass(what);
      const fault = this.faults.get(what);
      this.faults.delete(what);
      return fault;
    });
    definitions.forEach(([eventName, steps], index) => {
      const trigger = { type: 'event' as const, eventName };
      const workflow = aWorkflow(named(steps), { id: uuid(2, index), trigger });
      this.store.workflows.set(workflow.id, { ...workflow, organizationId: ORGANIZATION_ID });
    });
    for (const id of CONTACTS) this.store.contacts.set(id, { id, properties: {} });
    for (let i = 0; i < 2; i++) this.instances.push({ state: newState(), next: 0, use: this.instance() });
  }

  private instance() {
    const { store } = this;
    const workflows = new KnownWorkflows(store.workflowReader);
    const { writer, contactPort: contacts, publisher } = store;
    const outbox = new Outbox({ writer, contacts, publisher });
    const newId = () => uuid(9, this.ids++);
    const timed = <T>(_stage: string, work: () => Promise<T>) => work();
    const shared = { workflows, writer, contacts, outbox, newId };
    return {
      outbox,
      handle: handleAdmitted({
        ...shared,
        executions: store.executionReader,
        outcomePartitions: 1,
        slack: 2,
        timed,
      }),
      fire: fireDue({ ...shared, timers: store.timerReader, executions: store.executionReader, chunk: 3 }),
    };
  }

  async act(action: Action): Promise<void> {
    const { store } = this;
    switch (action.kind) {
      case 'track':
        return this.track(action.name, CONTACTS[action.contact]!, action.flag);
      case 'handle':
        return this.handle(action.instance, action.count);
      case 'rewind': {
        const instance = this.instances[action.instance]!;
        instance.next = Math.max(0, instance.next - action.by);
        return;
      }
      case 'fire':
        return this.fire(action.instance);
      case 'pass':
        store.nowMs += action.ms;
        return;
      case 'decided':
        return this.decided();
      case 'status':
        store.setStatus(uuid(2, action.workflow), action.status);
        return;
      case 'fault':
        this.faults.set(action.at, action.fault);
    }
  }

  private track(name: string, contactId: string, flag: 'plain' | 'backfill' | 'replay'): void {
    const offset = this.log.length;
    const first = offset > 0 && flag === 'replay' ? this.log[0]! : undefined;
    this.receivedAtMs.push(this.store.nowMs);
    this.log.push(
      toMessage({ name, contactId, offset, nowMs: this.store.nowMs, isBackfill: flag === 'backfill', first }),
    );
  }

  /** A batch whose handling fails comes again. */
  private async handle(index: number, count: number): Promise<void> {
    const instance = this.instances[index]!;
    const messages = this.log.slice(instance.next, instance.next + count);
    if (messages.length === 0) return;
    try {
      const done = await instance.use.handle({ messages }, instance.state);
      if ('reason' in done) throw new Error(done.detail);
      if ('contended' in done) return;
    } catch (error) {
      if (/away|lost/.test((error as Error).message)) return;
      throw error;
    }
    instance.next += messages.length;
    instance.state.frontier.handled(instance.next);
  }

  private async fire(index: number): Promise<void> {
    const { state, use } = this.instances[index]!;
    await use.fire(state).catch((error: Error) => {
      if (!/away|lost/.test(error.message)) throw error;
    });
  }

  private decided(): void {
    for (const { state } of this.instances)
      state.frontier.learn({
        source: SOURCE,
        decidedUpToMs: this.store.nowMs,
        admittedEnds: { 0: this.log.length },
      });
  }

  /** Everything is enabled again, read, and fired until nothing is left; both instances at once. */
  async settle(): Promise<void> {
    this.faults.clear();
    this.store.nowMs += 120_000;
    this.decided();
    await Promise.all([this.enableAll(), ...[0, 1].map((index) => this.catchUp(index))]);
    for (let round = 0; round < 200; round++) {
      await Promise.all([0, 1].map((index) => this.catchUp(index)));
      if (this.store.timers.size === 0) break;
      this.store.nowMs += 120_000;
      this.decided();
    }
    for (const { use } of this.instances) await use.outbox.forgetDone();
  }

  private async enableAll(): Promise<void> {
    for (const id of this.store.workflows.keys()) {
      await this.pass();
      this.store.setStatus(id, 'enabled');
    }
  }

  private async catchUp(index: number): Promise<void> {
    const instance = this.instances[index]!;
    await this.fire(index);
    while (instance.next < this.log.length) await this.handle(index, 10);
    await this.fire(index);
  }
}

const newState = (): PartitionState => ({
  partition: 0,
  assignment: 1,
  frontier: new Frontier(0, [SOURCE], 0),
  positions: undefined,
  mayHaveLeftOver: true,
});

function toMessage(about: {
  name: string;
  contactId: string;
  offset: number;
  nowMs: number;
  isBackfill: boolean;
  first: { readonly eventId: string; readonly name: string; readonly contactId: string } | undefined;
}) {
  const { offset, nowMs, isBackfill, first } = about;
  const { name, contactId } = first ?? about;
  const eventId = first?.eventId ?? uuid(4, offset);
  const { key, value, headers } = encodeAdmitted({
    eventId,
    organizationId: ORGANIZATION_ID,
    contactId,
    name,
    source: '/organizations/x/http',
    backfill: isBackfill,
    replyTo: `0/${eventId}`,
    properties: JSON.stringify({ n: offset }),
    occurredAtMs: nowMs,
    receivedAtMs: nowMs,
    position: { source: SOURCE, offset },
    monthUsed: 1,
    ...(first && { replayOf: { source: SOURCE, offset: 0 } }),
  });
  return {
    eventId,
    name,
    contactId,
    isPlain: !isBackfill && !first,
    key: Buffer.from(key!),
    value: Buffer.from(value as string),
    headers: Object.fromEntries(Object.entries(headers).map(([header, text]) => [header, Buffer.from(text)])),
    timestampMs: nowMs,
    offset,
  };
}
