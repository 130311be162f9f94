import { describe, expect, it } from '@jest/globals';
import type { WorkflowStatus } from '@trackline/contracts';
import { aWorkflow, countingIds, hour } from '../../test/engine-builders.ts';
import { MemoryStore } from '../../test/memory-store.ts';
import type { ScheduleRun } from '../ports.ts';
import { KnownWorkflows } from './known-workflows.ts';
import { Outbox } from './outbox.ts';
import { carryOutRun, CHUNKS_PER_TURN } from './run-schedules.ts';

const MINUTE_MS = 60_000;
const DUE_AT_MS = 1_000_000_000_000;

/** Runs of one workflow, oldest claim first, over an organisation with so many pages of contacts. */
function given({ pages, status = 'enabled' }: { pages: number; status?: WorkflowStatus }) {
  const store = new MemoryStore();
  const trigger = { type: 'schedule', schedule: '0 0 * * *' } as const;
  const workflow = aWorkflow([hour()], { trigger, status });
  store.workflows.set(workflow.id, workflow);
  store.nowMs = DUE_AT_MS + MINUTE_MS;
  const free: ScheduleRun[] = [];
  const finished: ScheduleRun[] = [];
  const gone: number[] = [];
  const { contactPort, publisher, writer } = store;
  const carryOut = carryOutRun({
    schedules: {
      due: async () => [],
      move: async () => true,
      claim: async () => free.shift(),
      isAt: async () => true,
      finish: async (run) => void finished.push(run),
      release: async (run) => void free.push(run),
    },
    calendar: { nextAfter: () => undefined },
    workflows: new KnownWorkflows(store.workflowReader),
    executions: store.executionReader,
    timers: store.timerReader,
    contacts: {
      ...contactPort,
      page: async (_organizationId, cursor) => {
        const page = Number(cursor ?? 0);
        return { items: [], nextCursor: page + 1 < pages ? String(page + 1) : null };
      },
    },
    writer: {
      ...writer,
      commit: async ({ schedule }) => {
        gone.push(schedule!.run.dueAtMs);
        if (schedule!.to === null) finished.push(schedule!.run);
        return true;
      },
    },
    outbox: new Outbox({ writer, contacts: contactPort, publisher }),
    newId: countingIds,
    partitionOf: () => 0,
    catchUpMs: 60 * MINUTE_MS,
  });
  const run = (dueAtMs: number): ScheduleRun => {
    const made = { workflowId: workflow.id, organizationId: workflow.organizationId, dueAtMs, cursor: null };
    free.push(made);
    return made;
  };
  return { store, workflow, carryOut: () => carryOut(() => false), run, free, finished, gone };
}

describe('a run of a schedule', () => {
  it('that is long lets others have their turn', async () => {
    const { carryOut, run, free, finished, gone } = given({ pages: CHUNKS_PER_TURN + 1 });
    run(DUE_AT_MS);
    run(DUE_AT_MS + 1);
    expect(await carryOut()).toBe(true);
    expect([gone.length, finished.length]).toEqual([CHUNKS_PER_TURN, 0]);
    expect(free.map(({ dueAtMs }) => dueAtMs)).toEqual([DUE_AT_MS + 1, DUE_AT_MS]);
    for (let turn = 0; turn < 3; turn++) expect(await carryOut()).toBe(true);
    expect(await carryOut()).toBe(false);
    expect(finished.map(({ dueAtMs }) => dueAtMs)).toEqual([DUE_AT_MS, DUE_AT_MS + 1]);
    expect(gone).toHaveLength(2 * (CHUNKS_PER_TURN + 1));
  });

  it('whose workflow is paused waits, under its lease, for as long as a due time is caught up with', async () => {
    const { store, carryOut, run, free, finished } = given({ pages: 1, status: 'paused' });
    const held = run(DUE_AT_MS);
    expect(await carryOut()).toBe(true);
    expect([free, finished]).toEqual([[], []]);
    store.nowMs = DUE_AT_MS + 60 * MINUTE_MS + 1;
    free.push(held);
    await carryOut();
    expect(finished).toEqual([held]);
  });

  it('whose workflow is archived ends', async () => {
    const { carryOut, run, finished } = given({ pages: 1, status: 'archived' });
    const ended = run(DUE_AT_MS);
    await carryOut();
    expect(finished).toEqual([ended]);
  });
});
