import { describe, expect, it } from '@jest/globals';
import type { WorkflowStep } from '@trackline/contracts';
import {
  anExecution,
  applyUpdates,
  aWorkflow,
  CONTACT,
  hour,
  HOUR_MS,
  mark,
  SECOND_MS,
  wait,
} from '../../test/engine-builders.ts';
import { advance } from './advance.ts';
import type { Execution, Workflow } from './execution.ts';
import type { Advance, Input } from './inputs.ts';
import { timerOf } from './timers.ts';
import { endsWait } from './waits.ts';

const at = (nowMs: number, contact = CONTACT as typeof CONTACT | undefined) => ({
  nowMs,
  contact,
  applyUpdates,
});
const event = (name: string, properties: Record<string, unknown> = {}, receivedAtMs = 5_000): Input => ({
  kind: 'event',
  event: { eventId: `id-of-${name}`, name, properties },
  receivedAtMs,
});

/** Gives the execution its inputs one after another, each at its moment. */
function run(workflow: Workflow, ...inputs: readonly (readonly [nowMs: number, input: Input])[]): Advance {
  let last: Advance | undefined;
  let execution: Execution = anExecution(workflow);
  for (const [nowMs, input] of [[0, { kind: 'start' }] as const, ...inputs]) {
    last = advance(workflow, execution, input, at(nowMs));
    if (!last) throw new Error(`${input.kind} at ${nowMs} does not concern ${JSON.stringify(execution)}`);
    execution = last.execution;
  }
  return last!;
}

const walked = ({ visits }: Advance) =>
  visits.map(({ stepId, status, branch }) => [stepId, status, branch].filter(Boolean).join(' '));

describe('an execution', () => {
  it('runs to its end when nothing holds it', () => {
    const moved = run(aWorkflow([mark('a'), mark('b')]));
    expect(moved.execution).toMatchObject({
      status: 'completed',
      stepId: null,
      endedAtMs: 0,
      revision: 1,
      visits: 2,
    });
    expect(walked(moved)).toEqual(['a completed', 'b completed']);
    expect(moved.notes.map(({ effect, eventId, status }) => [effect, eventId, status])).toEqual([
      ['started', 'e0', 'completed'],
      ['ended', undefined, 'completed'],
    ]);
    expect(moved.notes.map(({ workflowName }) => workflowName)).toEqual(['a workflow', undefined]);
    expect(moved.contactUpdates.map(({ stepId, visit }) => [stepId, visit])).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });

  it('is delayed, not before its time is it over, and then it goes on', () => {
    const workflow = aWorkflow([hour(), mark('a')]);
    const started = run(workflow);
    expect(started.execution).toMatchObject({ status: 'delayed', stepId: 'delay', dueAtMs: HOUR_MS });
    expect(timerOf(started.execution)).toEqual({ kind: 'delay', dueAtMs: HOUR_MS });
    expect(advance(workflow, started.execution, { kind: 'due' }, at(HOUR_MS - 1))).toBeUndefined();
    const over = run(workflow, [HOUR_MS, { kind: 'due' }]);
    expect(over.execution).toMatchObject({ status: 'completed', dueAtMs: null });
    expect(walked(over)).toEqual(['delay completed', 'a completed']);
  });

  it.each([
    ['minutes', 60],
    ['hours', 3_600],
    ['days', 86_400],
    ['weeks', 604_800],
  ] as const)('counts %s', (unit, seconds) => {
    const step: WorkflowStep = { id: 'd', type: 'delay', config: { amount: 1.5, unit } };
    expect(run(aWorkflow([step])).execution.dueAtMs).toBe(1.5 * seconds * SECOND_MS);
  });

  describe('that waits', () => {
    const workflow = aWorkflow([
      wait('paid', { yes: [mark('yes')], no: [mark('no')] }, { timeoutSeconds: 10 }, 'w'),
      mark('after'),
    ]);
    const waiting = run(workflow).execution;

    it('says for what and how long', () => {
      expect(waiting).toMatchObject({ status: 'waiting', stepId: 'w', waitsFor: ['paid'], dueAtMs: 10_000 });
      expect(timerOf(waiting)).toEqual({ kind: 'timeout', dueAtMs: 10_000 });
      expect(run(aWorkflow([wait('x')])).execution.dueAtMs).toBe(86_400_000);
    });

    it('goes down "yes" by its event and remembers it', () => {
      const moved = run(workflow, [5_000, event('paid', { method: 'card' })]);
      expect(walked(moved)).toEqual(['w completed yes', 'yes completed', 'after completed']);
      expect(moved.execution.resumes.w).toMatchObject({
        eventId: 'id-of-paid',
        properties: { method: 'card' },
      });
      expect(moved.notes[0]).toMatchObject({ effect: 'resumed', eventId: 'id-of-paid' });
      expect(moved.visits[0]!.detail).toMatchObject({ endedBy: 'event', eventId: 'id-of-paid' });
    });

    it('goes down "no" by its timeout', () => {
      const moved = run(workflow, [10_000, { kind: 'due' }]);
      expect(walked(moved)).toEqual(['w completed no', 'no completed', 'after completed']);
      expect(moved.notes[0]).toMatchObject({ effect: 'resumed' });
      expect(moved.notes[0]!.eventId).toBeUndefined();
    });

    it('is not moved by another event, nor by one received at its deadline or later', () => {
      expect(advance(workflow, waiting, event('other'), at(5_000))).toBeUndefined();
      expect(advance(workflow, waiting, event('paid', {}, 9_999), at(60_000))).toBeDefined();
      expect(advance(workflow, waiting, event('paid', {}, 10_000), at(60_000))).toBeUndefined();
      expect(advance(workflow, waiting, { kind: 'due' }, at(9_999))).toBeUndefined();
    });

    it('ends once', () => {
      const { execution } = run(workflow, [5_000, event('paid')]);
      expect(advance(workflow, execution, event('paid'), at(5_000))).toBeUndefined();
      expect(advance(workflow, execution, { kind: 'due' }, at(10_000))).toBeUndefined();
      expect(advance(workflow, execution, { kind: 'cancel', reason: 'x' }, at(10_000))).toBeUndefined();
    });

    it('looks at the filter', () => {
      const filtered = aWorkflow([
        wait('paid', { yes: [] }, { filter: [{ field: 'method', operator: 'equals', value: 'card' }] }),
      ]);
      const { execution } = run(filtered);
      const view = (method: string) => ({ eventId: 'e', name: 'paid', properties: { method } });
      expect(endsWait(filtered, execution, view('cash'), 1)).toBe(false);
      expect(endsWait(filtered, execution, view('card'), 1)).toBe(true);
    });

    it('ends as completed where a branch is not given', () => {
      const short = aWorkflow([wait('paid', { no: [] }), mark('after')]);
      expect(walked(run(short, [5_000, event('paid')]))).toEqual(['wait-paid completed yes']);
      expect(run(short, [5_000, event('paid')]).execution.status).toBe('completed');
    });
  });

  describe('with a condition', () => {
    const branching = (field: string, value: unknown): WorkflowStep => ({
      id: 'c',
      type: 'condition',
      config: { field, operator: 'equals', value },
      branches: { yes: [mark('yes')], no: [mark('no')] },
    });

    it('takes the branch and says what it compared', () => {
      const moved = run(aWorkflow([branching('plan', 'pro')]));
      expect(walked(moved)).toEqual(['c completed yes', 'yes completed']);
      expect(moved.visits[0]!.detail).toEqual({
        field: 'plan',
        operator: 'equals',
        value: 'pro',
        found: 'pro',
      });
      expect(walked(run(aWorkflow([branching('plan', 'free')])))).toEqual(['c completed no', 'no completed']);
    });

    it('sees what an earlier step made of the contact, and the event that resumed it', () => {
      expect(walked(run(aWorkflow([mark('seen'), branching('seen', true)])))).toContain('yes completed');
      const resumed = aWorkflow([
        wait('paid', { yes: [branching('waits.w.event.method', 'card')] }, {}, 'w'),
      ]);
      expect(walked(run(resumed, [5_000, event('paid', { method: 'card' })]))).toContain('yes completed');
    });

    it('does not keep more of a long value than can be read', () => {
      const execution = anExecution(aWorkflow([branching('essay', 'x')]), {
        trigger: { eventId: 'e0', name: 'begun', properties: { essay: '😀'.repeat(5_000) } },
      });
      const moved = advance(aWorkflow([branching('essay', 'x')]), execution, { kind: 'start' }, at(0))!;
      const found = moved.visits[0]!.detail!.found as string;
      expect(found.length).toBeLessThan(210);
      expect(found.isWellFormed()).toBe(true);
    });
  });

  describe('that changes its contact', () => {
    it('tells of updates that make no sense, and does the others', () => {
      const step: WorkflowStep = {
        id: 'u',
        type: 'update_contact',
        config: {
          updates: [
            { field: 'a', operation: 'set', value: 1 },
            { field: 'plan', operation: 'append', value: 1 },
          ],
        },
      };
      const moved = run(aWorkflow([step]));
      expect(moved.visits[0]).toMatchObject({
        status: 'completed',
        detail: { refused: [{ field: 'plan' }] },
      });
      expect(moved.contact?.properties).toMatchObject({ a: 1, plan: 'pro' });
      expect(moved.contactUpdates).toHaveLength(1);
    });

    it('goes on when the contact is gone', () => {
      const workflow = aWorkflow([mark('a'), hour()]);
      const moved = advance(
        workflow,
        anExecution(workflow),
        { kind: 'start' },
        { ...at(0), contact: undefined },
      )!;
      expect(walked(moved)).toEqual(['a failed', 'delay waiting']);
      expect(moved.contactUpdates).toEqual([]);
    });
  });

  it.each([
    [undefined, 'completed'],
    ['cancelled', 'cancelled'],
    ['failed', 'failed'],
  ] as const)('that exits as %s is %s, with the reason', (markAs, status) => {
    const exit: WorkflowStep = {
      id: 'x',
      type: 'exit',
      config: { reason: 'enough', ...(markAs && { markAs }) },
    };
    const { execution, notes } = run(aWorkflow([exit]));
    expect(execution).toMatchObject({ status, reason: 'enough', stepId: null });
    expect(notes.at(-1)).toMatchObject({ effect: 'ended', reason: 'enough', status });
  });

  describe('of a workflow that is paused', () => {
    const steps = [wait('paid', { yes: [mark('yes')], no: [mark('no')] }, { timeoutSeconds: 10 }, 'w')];
    const enabled = aWorkflow(steps);
    const paused = aWorkflow(steps, { status: 'paused' });
    const waiting = run(enabled).execution;

    it('still ends its wait, but what comes after is held', () => {
      const held = advance(paused, waiting, event('paid'), at(5_000))!;
      expect(held.execution).toMatchObject({ status: 'paused', stepId: 'yes', waitsFor: [], dueAtMs: null });
      expect(timerOf(held.execution)).toBeUndefined();
      expect(walked(held)).toEqual(['w completed yes']);
      expect(held.contactUpdates).toEqual([]);
      expect(advance(paused, held.execution, { kind: 'turn' }, at(6_000))).toBeUndefined();

      const goneOn = advance(enabled, held.execution, { kind: 'turn' }, at(7_000))!;
      expect(walked(goneOn)).toEqual(['yes completed']);
      expect(goneOn.execution.status).toBe('completed');
    });

    it('still times out', () => {
      const held = advance(paused, waiting, { kind: 'due' }, at(10_000))!;
      expect(held.execution).toMatchObject({ status: 'paused', stepId: 'no' });
    });

    it('ends when nothing comes after', () => {
      const last = aWorkflow([wait('paid', {}, {}, 'w')], { status: 'paused' });
      expect(advance(last, waiting, event('paid'), at(5_000))!.execution.status).toBe('completed');
    });
  });

  it('of a workflow that is archived is cancelled by whatever touches it', () => {
    const archived = aWorkflow([wait('paid', { yes: [mark('yes')] })], { status: 'archived' });
    const waiting = run(aWorkflow([wait('paid', { yes: [mark('yes')] })])).execution;
    for (const input of [event('paid'), { kind: 'due' } as const, { kind: 'turn' } as const]) {
      const moved = advance(archived, waiting, input, at(86_400_000))!;
      expect(moved.execution).toMatchObject({ status: 'cancelled', reason: 'the workflow was archived' });
      expect(walked(moved)).toEqual(['wait-paid cancelled']);
      expect(moved.notes.map(({ effect }) => effect)).toEqual(['ended']);
    }
  });

  it('can be cancelled wherever it stands', () => {
    const moved = run(aWorkflow([hour()]), [5, { kind: 'cancel', reason: 'by hand' }]);
    expect(moved.execution).toMatchObject({ status: 'cancelled', reason: 'by hand', dueAtMs: null });
    expect(walked(moved)).toEqual(['delay cancelled']);
  });

  it('does not go back in time, whatever the moments of its events', () => {
    const workflow = aWorkflow([hour(), wait('paid', { yes: [hour('second')] }, {}, 'w')]);
    const { execution } = run(workflow, [2 * HOUR_MS, { kind: 'due' }], [5_000, event('paid')]);
    expect(execution.movedAtMs).toBe(2 * HOUR_MS);
    expect(execution.dueAtMs).toBe(3 * HOUR_MS);
  });

  it('fails by itself, in plain sight, when the engine cannot go on', () => {
    const workflow = aWorkflow([mark('a'), hour()]);
    const moved = advance(
      workflow,
      anExecution(workflow),
      { kind: 'start' },
      {
        ...at(0),
        applyUpdates: () => {
          throw new Error('out of order');
        },
      },
    )!;
    expect(moved.execution).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('out of order'),
    });
    expect(moved.notes.at(-1)).toMatchObject({ effect: 'ended', status: 'failed' });
    expect(timerOf(moved.execution)).toBeUndefined();
  });

  it('exits without a config, too', () => {
    const exit = { id: 'x', type: 'exit' } as unknown as WorkflowStep;
    expect(run(aWorkflow([exit])).execution.status).toBe('completed');
  });

  it('changes nothing that it was given', () => {
    const workflow = aWorkflow([mark('a'), wait('paid')]);
    const before = Object.freeze(anExecution(workflow));
    const contact = Object.freeze({ ...CONTACT, properties: Object.freeze({}) });
    expect(advance(workflow, before, { kind: 'start' }, at(0, contact))).toBeDefined();
  });
});
