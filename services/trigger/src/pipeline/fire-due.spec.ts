import { describe, expect, it } from '@jest/globals';
import { applyUpdates, aWorkflow, mark, ORGANIZATION, wait } from '../../test/engine-builders.ts';
import { MemoryStore } from '../../test/memory-store.ts';
import { advance } from '../domain/advance.ts';
import { newExecution } from '../domain/execution.ts';
import { Frontier } from '../domain/frontier.ts';
import { timerOf } from '../domain/timers.ts';
import { fireDue } from './fire-due.ts';
import { KnownWorkflows } from './known-workflows.ts';
import { Outbox } from './outbox.ts';

describe('an execution that is about to be held', () => {
  it('is not forgotten when its workflow is enabled in that very moment', async () => {
    let atCommit = () => {};
    const store = new MemoryStore((what) => {
      if (what === 'commit') atCommit();
      return Promise.resolve(undefined);
    });
    const workflow = aWorkflow([wait('paid', { no: [mark('no')] }, { timeoutSeconds: 1 })]);
    store.workflows.set(workflow.id, workflow);
    store.contacts.set('contact', { id: 'contact', properties: {} });
    const event = { eventId: 'e', name: 'begun', properties: {} };
    const begun = newExecution(workflow, { id: 'execution', contactId: 'contact', event, nowMs: 0 });
    const { execution } = advance(
      workflow,
      begun,
      { kind: 'start' },
      { nowMs: 0, contact: undefined, applyUpdates },
    )!;
    store.executions.set(execution.id, execution);
    store.timers.set(execution.id, timerOf(execution)!);
    store.setStatus(workflow.id, 'paused');
    store.nowMs = 5_000;

    const { writer, contactPort: contacts, publisher } = store;
    const fire = fireDue({
      workflows: new KnownWorkflows(store.workflowReader),
      timers: store.timerReader,
      writer,
      contacts,
      outbox: new Outbox({ writer, contacts, publisher }),
      newId: () => crypto.randomUUID(),
      chunk: 10,
    });
    const frontier = new Frontier(0, ['received.1.0'], 0);
    frontier.learn({ source: 'received.1.0', decidedUpToMs: 5_000, admittedEnds: {} });
    const state = { partition: 0, assignment: 1, frontier, positions: undefined, mayHaveLeftOver: false };

    atCommit = () => store.setStatus(workflow.id, 'enabled');
    expect(await fire(state)).toEqual({ fired: 0, isMore: true });
    atCommit = () => {};
    expect(await fire(state)).toMatchObject({ fired: 1 });
    expect(store.executions.get('execution')).toMatchObject({
      status: 'completed',
      organizationId: ORGANIZATION,
    });
  });
});
