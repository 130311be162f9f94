import { describe, expect, it } from '@jest/globals';
import { aWorkflow, anExecution, mark, ORGANIZATION, wait } from '../../test/engine-builders.ts';
import { MemoryStore } from '../../test/memory-store.ts';
import { KnownWorkflows } from './known-workflows.ts';

describe('known workflows', () => {
  const given = () => {
    const reads: string[] = [];
    const store = new MemoryStore((what) => {
      reads.push(what);
      return Promise.resolve(undefined);
    });
    for (const id of ['one', 'two']) store.workflows.set(id, aWorkflow([wait('paid'), mark('m')], { id }));
    const known = new KnownWorkflows(store.workflowReader);
    /** What was read to answer. */
    const load = async () => {
      reads.length = 0;
      const organization = (await known.load([ORGANIZATION])).get(ORGANIZATION)!;
      return { reads: [...reads], started: organization.startedBy.get('begun')?.map(({ id }) => id) ?? [] };
    };
    return { store, known, load };
  };

  it('are read once, and then one version is', async () => {
    const { load } = given();
    expect(await load()).toEqual({ reads: ['versions', 'indices', 'definitions'], started: ['one', 'two'] });
    expect(await load()).toEqual({ reads: ['versions'], started: ['one', 'two'] });
  });

  it('are those in force, as soon as anything has changed; definitions that are known are not read again', async () => {
    const { store, load } = given();
    await load();
    store.setStatus('one', 'paused');
    expect(await load()).toEqual({ reads: ['versions', 'indices'], started: ['two'] });
  });

  it('of an organisation without any cost one read', async () => {
    const { store, load } = given();
    store.organizationVersion = 0;
    expect(await load()).toEqual({ reads: ['versions'], started: [] });
  });

  it('give an execution the version it started with, and the status that its workflow has now', async () => {
    const { store, known } = given();
    const execution = anExecution(store.workflows.get('one')!);
    store.setStatus('one', 'paused');
    const organizations = await known.load([ORGANIZATION]);
    const workflowOf = await known.workflowsOf([execution], organizations);
    expect(workflowOf(execution)).toMatchObject({ id: 'one', version: 1, status: 'paused' });
    expect(workflowOf({ ...execution, workflowId: 'gone' })).toBeUndefined();
  });
});
