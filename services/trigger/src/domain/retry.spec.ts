import { describe, expect, it } from '@jest/globals';
import {
  anExecution,
  applyUpdates,
  asks,
  aWorkflow,
  CONTACT,
  failing,
  hour,
  mark,
  wait,
} from '../../test/engine-builders.ts';
import { advance, breakOff, retryProblem } from './advance.ts';
import type { Execution, Workflow } from './execution.ts';
import type { Surroundings } from './inputs.ts';

const at = (nowMs: number, more: Partial<Surroundings> = {}): Surroundings => ({
  nowMs,
  contact: CONTACT,
  applyUpdates,
  ...more,
});
const begin = (workflow: Workflow, surroundings = at(0)) =>
  advance(workflow, anExecution(workflow), { kind: 'start' }, surroundings)!;
const retry = (workflow: Workflow, execution: Execution, surroundings = at(10)) =>
  advance(workflow, execution, { kind: 'retry' }, surroundings);
const shipped = { ...CONTACT, properties: { shipped: true } };

describe('a failed execution that is tried again', () => {
  it('asks again what led to an exit that failed it', () => {
    const workflow = aWorkflow([
      mark('a'),
      asks('shipped', { yes: [mark('yes')], no: [mark('no'), failing()] }),
    ]);
    const { execution } = begin(workflow);
    expect(execution).toMatchObject({ status: 'failed', reason: 'not good', retryFrom: 'asks' });
    const again = retry(workflow, execution)!;
    expect(again.execution).toMatchObject({ status: 'failed', revision: 2 });
    const moved = retry(workflow, again.execution, at(20, { contact: shipped }))!;
    expect(moved.visits.map(({ visit, stepId }) => [visit, stepId])).toEqual([
      [8, 'asks'],
      [9, 'yes'],
    ]);
    expect(moved.execution).toMatchObject({ status: 'completed', endedAtMs: 20, reason: null, revision: 3 });
    expect(moved.notes.map(({ effect, reason }) => [effect, reason])).toEqual([
      ['resumed', 'retried by hand'],
      ['ended', 'completed'],
    ]);
  });

  it('waits again when a wait had led to it', () => {
    const workflow = aWorkflow([wait('paid', { no: [failing()] }, { timeoutSeconds: 10 }, 'w')]);
    const { execution } = advance(workflow, begin(workflow).execution, { kind: 'due' }, at(10_000))!;
    expect(execution.status).toBe('failed');
    expect(retry(workflow, execution, at(50_000))!.execution).toMatchObject({
      status: 'waiting',
      stepId: 'w',
      dueAtMs: 60_000,
    });
  });

  it('goes on after what was done before the engine failed', () => {
    const workflow = aWorkflow([mark('a'), mark('b'), mark('c')]);
    let calls = 0;
    const breaking = at(0, {
      applyUpdates: (...given) => {
        calls += 1;
        if (calls === 2) throw new Error('out of order');
        return applyUpdates(...given);
      },
    });
    const failed = begin(workflow, breaking);
    expect(failed.visits.map(({ visit, stepId, status }) => [visit, stepId, status])).toEqual([
      [1, 'a', 'completed'],
      [2, 'b', 'failed'],
    ]);
    expect(failed.contactUpdates.map(({ stepId }) => stepId)).toEqual(['a']);
    expect(failed.execution).toMatchObject({ status: 'failed', retryFrom: 'b' });
    const moved = retry(workflow, failed.execution)!;
    expect(moved.visits.map(({ visit, stepId }) => [visit, stepId])).toEqual([
      [3, 'b'],
      [4, 'c'],
    ]);
  });

  it('stands again where it stood when it could not be stored', () => {
    const workflow = aWorkflow([hour(), mark('a')]);
    const { execution, visits } = breakOff(workflow, begin(workflow).execution, 'no room', at(5));
    expect(execution).toMatchObject({ status: 'failed', retryFrom: 'delay', dueAtMs: null });
    expect(visits).toMatchObject([{ visit: 1, stepId: 'delay', status: 'cancelled' }]);
    expect(retry(workflow, execution)!.execution).toMatchObject({ status: 'delayed', stepId: 'delay' });
  });

  it('is held by a pause', () => {
    const steps = [asks('shipped', { yes: [], no: [failing()] })];
    const { execution } = begin(aWorkflow(steps));
    const held = retry(aWorkflow(steps, { status: 'paused' }), execution)!;
    expect(held.execution).toMatchObject({ status: 'paused', stepId: 'asks', endedAtMs: null });
  });

  it.each([
    ['that nothing can turn out differently', aWorkflow([failing()]), {}, 'whatever happens'],
    ['that runs', aWorkflow([hour()]), {}, 'this one is delayed'],
    ['that was completed', aWorkflow([mark('a')]), {}, 'this one is completed'],
  ] as const)('is refused to one %s', (_, workflow, more, words) => {
    const execution = { ...begin(workflow).execution, ...more };
    expect(retryProblem(execution, workflow)).toContain(words);
    expect(retry(workflow, execution)).toBeUndefined();
  });

  it('is refused to one whose workflow is archived', () => {
    const steps = [asks('shipped', { yes: [], no: [failing()] })];
    const { execution } = begin(aWorkflow(steps));
    const archived = aWorkflow(steps, { status: 'archived' });
    expect(retryProblem(execution, archived)).toContain('archived');
    expect(retry(archived, execution)).toBeUndefined();
  });
});
