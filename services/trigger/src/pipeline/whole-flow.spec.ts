import { describe, expect, it } from '@jest/globals';
import {
  decodeExecution,
  decodeOutcomes,
  encodeAdmitted,
  EXECUTIONS,
  OUTCOMES,
  type Outcome,
  type WorkflowStep,
} from '@trackline/contracts';
import fc from 'fast-check';
import { aWorkflow, ORGANIZATION } from '../../test/engine-builders.ts';
import { MemoryStore, type Fault } from '../../test/memory-store.ts';
import { hasEnded } from '../domain/execution.ts';
import { Frontier } from '../domain/frontier.ts';
import { fireDue } from './fire-due.ts';
import { handleAdmitted } from './handle-admitted.ts';
import { KnownWorkflows } from './known-workflows.ts';
import { Outbox } from './outbox.ts';
import type { PartitionState } from './partition-state.ts';

/*
 * The pipelines over ports in memory: two instances that both think they own the partition, whose calls are interleaved at random,
 * with redelivery, lost replies, pauses, archives and time that passes. Whatever happens, in the end nothing is stuck, each wait has
 * ended once, and the outside has seen just what the store says.
 */

const SOURCE = 'received.1.0';
const uuid = (kind: number, n: number): string =>
  `0000000${kind}-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
const CONTACTS = [uuid(1, 0), uuid(1, 1)];
const NAMES = ['a', 'b', 'c'] as const;

type Action =
  | {
      readonly kind: 'track';
      readonly name: string;
      readonly contact: number;
      readonly flag: 'plain' | 'backfill' | 'replay';
    }
  | { readonly kind: 'handle'; readonly instance: number; readonly count: number }
  | { readonly kind: 'rewind'; readonly instance: number; readonly by: number }
  | { readonly kind: 'fire'; readonly instance: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'decided' }
  | { readonly kind: 'status'; readonly workflow: number; readonly status: 'enabled' | 'paused' | 'archived' }
  | { readonly kind: 'fault'; readonly fault: Fault; readonly at: 'commit' | 'publish' | 'update' };

const nat = (max: number) => fc.nat(max);
const weighted = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
const action: fc.Arbitrary<Action> = fc.oneof(
  weighted(
    10,
    fc.record({
      kind: fc.constant('track' as const),
      name: fc.constantFrom(...NAMES, 'b'),
      contact: fc.constantFrom(0, 0, 0, 1),
      flag: fc.constantFrom(
        'plain' as const,
        'plain' as const,
        'plain' as const,
        'backfill' as const,
        'replay' as const,
      ),
    }),
  ),
  weighted(
    8,
    fc.record({
      kind: fc.constant('handle' as const),
      instance: nat(1),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  ),
  weighted(2, fc.record({ kind: fc.constant('rewind' as const), instance: nat(1), by: nat(5) })),
  weighted(5, fc.record({ kind: fc.constant('fire' as const), instance: nat(1) })),
  weighted(
    5,
    fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 400, 700, 1_000, 1_000, 60_000) }),
  ),
  weighted(3, fc.record({ kind: fc.constant('decided' as const) })),
  weighted(
    2,
    fc.record({
      kind: fc.constant('status' as const),
      workflow: nat(1),
      status: fc.constantFrom(
        'enabled' as const,
        'paused' as const,
        'enabled' as const,
        'paused' as const,
        'archived' as const,
      ),
    }),
  ),
  weighted(
    1,
    fc.record({
      kind: fc.constant('fault' as const),
      fault: fc.constantFrom('refused' as const, 'reply lost' as const),
      at: fc.constantFrom('commit' as const, 'publish' as const, 'update' as const),
    }),
  ),
);

/** Steps without ids: those are given when the whole is there. */
type Bare = Omit<WorkflowStep, 'id' | 'branches'> & { branches?: { yes?: Bare[]; no?: Bare[] } };
const { steps: bareSteps } = fc.letrec<{
  steps: Bare[];
  step: Bare;
  branches: NonNullable<Bare['branches']>;
}>((tie) => ({
  steps: fc.array(tie('step'), { maxLength: 3, depthIdentifier: 'steps' }),
  branches: fc.record({ yes: tie('steps'), no: tie('steps') }, { requiredKeys: [] }),
  step: fc.oneof(
    { depthSize: 'small', depthIdentifier: 'steps' },
    fc.constant<Bare>({
      type: 'update_contact',
      config: { updates: [{ field: 'seen', operation: 'set', value: true }] },
    }),
    fc.constant<Bare>({ type: 'delay', config: { amount: 1, unit: 'minutes' } }),
    fc.constant<Bare>({ type: 'exit', config: {} }),
    fc.record({
      type: fc.constant('condition' as const),
      config: fc.record({
        field: fc.constantFrom('seen', 'event.n'),
        operator: fc.constant('is_set' as const),
      }),
      branches: tie('branches'),
    }) as fc.Arbitrary<Bare>,
    fc.record({
      type: fc.constant('wait_for_event' as const),
      config: fc.record({ eventName: fc.constantFrom(...NAMES), timeoutSeconds: fc.constantFrom(1, 2) }),
      branches: tie('branches'),
    }) as fc.Arbitrary<Bare>,
  ),
}));

function named(steps: readonly Bare[], prefix = 's'): WorkflowStep[] {
  return steps.map((step, index) => {
    const id = `${prefix}-${index}`;
    const { yes, no } = step.branches ?? {};
    const branches = { ...(yes && { yes: named(yes, `${id}-y`) }), ...(no && { no: named(no, `${id}-n`) }) };
    return { ...step, id, ...(step.branches && { branches }) } as WorkflowStep;
  });
}

class World {
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

const ORGANIZATION_ID = uuid(3, 0);
expect(ORGANIZATION).toBeDefined();

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

const asRaw = (message: { value: Buffer | string | null; headers: Record<string, string | Buffer> }) => ({
  key: null,
  value: Buffer.from(message.value as string),
  headers: Object.fromEntries(
    Object.entries(message.headers).map(([name, text]) => [name, Buffer.from(text)]),
  ),
  timestampMs: 0,
  offset: 0,
});

/** What must be so in the end. */
function expectSound({ store, log, receivedAtMs }: World): void {
  const executions = [...store.executions.values()];
  expect(executions.filter((execution) => !hasEnded(execution))).toEqual([]);
  expect([store.timers.size, store.outbox.size]).toEqual([0, 0]);

  // Each event starts each workflow once at most.
  const starts = executions.map(({ trigger, workflowId }) => `${trigger.eventId} ${workflowId}`);
  expect(new Set(starts).size).toBe(starts.length);

  let endedByEvent = 0;
  const updates = new Set<string>();
  for (const execution of executions) {
    const { graph } = store.workflows.get(execution.workflowId)!;
    const visits = [...(store.visits.get(execution.id) ?? new Map()).values()];
    let expected: string | null = graph.start;
    let isFromStart = true;
    for (const history of visits) {
      const last = history.at(-1)!;
      // A visit is ended once, and never written again after that.
      expect(history.filter(({ status }: { status: string }) => status !== 'waiting')).toHaveLength(1);
      expect(last.stepId).toBe(expected);
      const laid = graph.steps.get(last.stepId)!;
      expected = laid[(last.branch ?? 'next') as 'yes' | 'no' | 'next'];
      if (last.type === 'update_contact') updates.add(`${execution.id}/${last.stepId}/${last.visit}`);
      if (last.type === 'wait_for_event' && last.branch === 'yes') endedByEvent += 1;
      if (
        last.type === 'wait_for_event' &&
        last.branch === 'no' &&
        isFromStart &&
        laid.step.type === 'wait_for_event'
      ) {
        // No event that was received before the deadline came after the one that started it.
        const { eventName, timeoutSeconds } = laid.step.config;
        const begun = log.findIndex(
          ({ eventId, isPlain }) => isPlain && eventId === execution.trigger.eventId,
        );
        const missed = log.filter(
          (event, index) =>
            index > begun &&
            event.isPlain &&
            event.name === eventName &&
            event.contactId === execution.contactId &&
            receivedAtMs[index]! < receivedAtMs[begun]! + timeoutSeconds! * 1000,
        );
        expect(missed.map(({ offset }) => offset)).toEqual([]);
      }
      if (last.type === 'wait_for_event' || last.type === 'delay') isFromStart = false;
    }
    if (execution.status === 'completed' && visits.at(-1)?.at(-1)?.type !== 'exit')
      expect(expected).toBeNull();
  }

  // What the callers were told is what happened, and all of them were told the same.
  const told = new Map<string, Outcome>();
  for (const message of store.published.filter(({ topic }) => topic === OUTCOMES)) {
    for (const outcome of decodeOutcomes(asRaw(message))) {
      if (outcome.verdict !== 'admitted') continue;
      const counts = store.handled.get(outcome.eventId) ?? { workflowsTriggered: 0, executionsResumed: 0 };
      expect(outcome).toMatchObject(counts);
      told.set(outcome.eventId, outcome);
    }
  }
  for (const { eventId, isPlain } of log) if (isPlain) expect(told.has(eventId)).toBe(true);
  const counts = [...store.handled.values()];
  expect(counts.reduce((sum, { workflowsTriggered }) => sum + workflowsTriggered, 0)).toBe(executions.length);
  expect(counts.reduce((sum, { executionsResumed }) => sum + executionsResumed, 0)).toBe(endedByEvent);

  // Each update of a contact that a step made, and no other, was carried out; everything that happened was published.
  expect(new Set(store.causes.keys())).toEqual(updates);
  const progress = store.published
    .filter(({ topic }) => topic === EXECUTIONS)
    .map((m) => decodeExecution(asRaw(m)).id);
  const written = [...store.everInOutbox.values()].flatMap(({ kind, id }) =>
    kind === 'progress' ? [id] : [],
  );
  expect(new Set(progress)).toEqual(new Set(written));
}

/** Most begin with a wait for what is not their trigger: there the races are. */
const definition = fc.tuple(
  fc.constantFrom('a', 'a', ...NAMES),
  fc.oneof(
    weighted(1, bareSteps),
    weighted(
      4,
      fc
        .tuple(fc.constantFrom('b', 'b', 'c', 'a'), fc.constantFrom(1, 2), bareSteps, bareSteps, bareSteps)
        .map(([eventName, timeoutSeconds, yes, no, after]): Bare[] => [
          { type: 'wait_for_event', config: { eventName, timeoutSeconds }, branches: { yes, no } },
          ...after,
        ]),
    ),
    weighted(
      1,
      bareSteps.map((after): Bare[] => [{ type: 'delay', config: { amount: 1, unit: 'minutes' } }, ...after]),
    ),
  ),
);
const definitions = fc.array(definition, { minLength: 2, maxLength: 2 });
const RUNS = Number(process.env.PROPERTY_RUNS ?? 150);

describe('the flows of the trigger', () => {
  it('are sound after anything that can happen to one instance at a time', async () => {
    await fc.assert(
      fc.asyncProperty(definitions, fc.array(action, { maxLength: 60 }), async (given, actions) => {
        const world = new World(undefined, given);
        for (const one of actions) await world.act(one);
        await world.settle();
        expectSound(world);
      }),
      { numRuns: RUNS * 2 },
    );
  }, 60_000);

  it('are sound when two instances that both think they own the partition get in each other’s way', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        definitions,
        fc.array(action, { maxLength: 40 }),
        async (scheduler, given, actions) => {
          const world = new World(scheduler, given);
          // Each instance does one thing after another; the two, and the rest of the world, run side by side.
          const lanes = [0, 1, 2].map((lane) =>
            actions
              .filter((one) => ('instance' in one ? one.instance : 2) === lane)
              .reduce(
                (before, one) =>
                  before.then(async () => {
                    await scheduler.schedule(Promise.resolve(), one.kind);
                    await world.act(one);
                  }),
                Promise.resolve(),
              ),
          );
          await scheduler.waitFor(Promise.all(lanes));
          await scheduler.waitFor(world.settle());
          expectSound(world);
        },
      ),
      { numRuns: RUNS },
    );
  }, 60_000);
});
