import { expect } from '@jest/globals';
import {
  decodeExecution,
  decodeOutcomes,
  EXECUTIONS,
  OUTCOMES,
  type Outcome,
  type WaitForEventConfig,
} from '@trackline/contracts';
import { hasEnded, type Execution } from '../src/domain/execution.ts';
import type { World } from './flow-world.ts';

/** What must be so in the end. */
export function expectSound(world: World): void {
  const { store } = world;
  const executions = [...store.executions.values()];
  expect(executions.filter((execution) => !hasEnded(execution))).toEqual([]);
  expect([store.timers.size, store.outbox.size]).toEqual([0, 0]);
  const { endedByEvent, updates } = expectTheirWays(world, executions);
  expectAnswers(world, executions.length, endedByEvent);
  expectTheOutsideToKnow(world, updates);
}

/** Each execution went one of the ways that its definition allows. Gives which waits ended by events, and which updates were made. */
function expectTheirWays(world: World, executions: readonly Execution[]) {
  const { store } = world;
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
      const { step } = laid;
      if (isFromStart && last.branch === 'no' && step.type === 'wait_for_event')
        expect(missedBy(execution, step.config, world)).toEqual([]);
      if (last.type === 'wait_for_event' || last.type === 'delay') isFromStart = false;
    }
    if (execution.status === 'completed' && visits.at(-1)?.at(-1)?.type !== 'exit')
      expect(expected).toBeNull();
  }
  return { endedByEvent, updates };
}

/** Events that were received after the one that started it and before the deadline of its first wait, which should have ended it. */
function missedBy(
  { trigger, contactId }: Execution,
  { eventName, timeoutSeconds }: WaitForEventConfig,
  { log, receivedAtMs }: World,
): number[] {
  const begun = log.findIndex(({ eventId, isPlain }) => isPlain && eventId === trigger.eventId);
  return log.flatMap((event, index) =>
    index > begun &&
    event.isPlain &&
    event.name === eventName &&
    event.contactId === contactId &&
    receivedAtMs[index]! < receivedAtMs[begun]! + timeoutSeconds! * 1000
      ? [event.offset]
      : [],
  );
}

/** What the callers were told is what happened, and all of them were told the same. */
function expectAnswers({ store, log }: World, started: number, endedByEvent: number): void {
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
  expect(counts.reduce((sum, { workflowsTriggered }) => sum + workflowsTriggered, 0)).toBe(started);
  expect(counts.reduce((sum, { executionsResumed }) => sum + executionsResumed, 0)).toBe(endedByEvent);
}

/** Each update of a contact that a step made, and no other, was carried out; everything that happened was published. */
function expectTheOutsideToKnow({ store }: World, updates: ReadonlySet<string>): void {
  expect(new Set(store.causes.keys())).toEqual(updates);
  const progress = store.published
    .filter(({ topic }) => topic === EXECUTIONS)
    .map((m) => decodeExecution(asRaw(m)).id);
  const written = [...store.everInOutbox.values()].flatMap(({ kind, id }) =>
    kind === 'progress' ? [id] : [],
  );
  expect(new Set(progress)).toEqual(new Set(written));
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
