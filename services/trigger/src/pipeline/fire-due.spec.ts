import { describe, expect, it } from '@jest/globals';
import { applyUpdates, aWorkflow, countingIds, hour, mark, wait } from '../../test/engine-builders.ts';
import { MemoryStore, type Fault } from '../../test/memory-store.ts';
import { advance } from '../domain/advance.ts';
import { newExecution, type Workflow } from '../domain/execution.ts';
import { Frontier } from '../domain/frontier.ts';
import { timerOf } from '../domain/timers.ts';
import { fireDue } from './fire-due.ts';
import { KnownWorkflows } from './known-workflows.ts';
import { Outbox } from './outbox.ts';
import type { PartitionState } from './partition-state.ts';

const timingOut = aWorkflow([wait('paid', { no: [mark('no')] }, { timeoutSeconds: 1 })]);

/** A store in which executions of the workflow stand at their first stop, five seconds later; and the flow over it. */
function given(
  workflow: Workflow,
  ids: readonly string[],
  pass?: (what: string) => Promise<Fault | undefined>,
) {
  const store = new MemoryStore(pass);
  store.workflows.set(workflow.id, workflow);
  store.contacts.set('contact', { id: 'contact', properties: {} });
  for (const id of ids) {
    const event = { eventId: 'e', name: 'begun', properties: {} };
    const begun = newExecution(workflow, { id, contactId: 'contact', event, nowMs: 0 });
    const start = { kind: 'start' } as const;
    const { execution } = advance(workflow, begun, start, { nowMs: 0, contact: undefined, applyUpdates })!;
    store.executions.set(id, execution);
    store.timers.set(id, timerOf(execution)!);
  }
  store.nowMs = 5_000;
  const frontier = new Frontier(0, ['received.1.0'], 0);
  const state: PartitionState = {
    partition: 0,
    assignment: 1,
    frontier,
    positions: undefined,
    mayHaveLeftOver: false,
  };
  const { writer, contactPort: contacts, publisher } = store;
  const fire = fireDue({
    workflows: new KnownWorkflows(store.workflowReader),
    timers: store.timerReader,
    executions: store.executionReader,
    writer,
    contacts,
    outbox: new Outbox({ writer, contacts, publisher }),
    newId: countingIds,
    chunk: 10,
  });
  const decidedUpTo = (decidedUpToMs: number) =>
    frontier.learn({ source: 'received.1.0', decidedUpToMs, admittedEnds: {} });
  return { store, fire: () => fire(state), decidedUpTo };
}

describe('what is due', () => {
  it('is moved in a chunk, and told of', async () => {
    const { store, fire, decidedUpTo } = given(timingOut, ['a', 'b']);
    decidedUpTo(1_000);
    expect(await fire()).toEqual({ fired: 2, isMore: false });
    expect([...store.executions.values()].map(({ status }) => status)).toEqual(['completed', 'completed']);
    expect(store.timers.size).toBe(0);
    expect([...store.causes.keys()]).toEqual(['a/no/2', 'b/no/2']);
    expect(store.published).toHaveLength(4);
  });

  it('waits for the frontier when it is a timeout, and not when it is a delay', async () => {
    const timeout = given(timingOut, ['a']);
    timeout.decidedUpTo(999);
    expect(await timeout.fire()).toEqual({ fired: 0, isMore: false });
    const delay = given(aWorkflow([hour(), mark('a')]), ['a']);
    delay.store.nowMs = 3_600_000;
    expect(await delay.fire()).toEqual({ fired: 1, isMore: false });
  });

  it('is not forgotten when its workflow is enabled in the moment in which it is held', async () => {
    let atCommit = () => {};
    const { store, fire, decidedUpTo } = given(timingOut, ['a'], (what) => {
      if (what === 'commit') atCommit();
      return Promise.resolve(undefined);
    });
    decidedUpTo(5_000);
    store.setStatus(timingOut.id, 'paused');
    atCommit = () => store.setStatus(timingOut.id, 'enabled');
    expect(await fire()).toEqual({ fired: 0, isMore: true });
    atCommit = () => {};
    expect(await fire()).toMatchObject({ fired: 1 });
    expect(store.executions.get('a')).toMatchObject({ status: 'completed' });
  });

  it('ends alone when it becomes what cannot be stored, and holds up no other', async () => {
    const { store, fire, decidedUpTo } = given(timingOut, ['a', 'b', 'c']);
    const { commit } = store.writer;
    store.writer.commit = (one) => {
      const isBroken = one.effects?.executions.get('b')?.execution.status === 'completed';
      return isBroken ? Promise.reject(new RangeError('no place for this')) : commit(one);
    };
    decidedUpTo(5_000);
    expect(await fire()).toMatchObject({ fired: 3 });
    expect(['a', 'b', 'c'].map((id) => store.executions.get(id)!.status)).toEqual([
      'completed',
      'failed',
      'completed',
    ]);
    expect(store.executions.get('b')!.reason).toContain('no place for this');
  });

  it('stays when the database is away', async () => {
    let isAway = true;
    const { store, fire, decidedUpTo } = given(timingOut, ['a'], (what) =>
      Promise.resolve(isAway && what === 'commit' ? 'refused' : undefined),
    );
    decidedUpTo(5_000);
    await expect(fire()).rejects.toThrow('away');
    isAway = false;
    expect(await fire()).toMatchObject({ fired: 1 });
    expect(store.timers.size).toBe(0);
  });
});
