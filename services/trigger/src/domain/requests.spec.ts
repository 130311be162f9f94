import { describe, expect, it } from '@jest/globals';
import { actionId, type CompletedAction, type WorkflowStep } from '@trackline/contracts';
import {
  anExecution,
  applyUpdates,
  aWorkflow,
  CONTACT,
  countingIds,
  email,
  hour,
  mark,
  opened,
} from '../../test/engine-builders.ts';
import { advance, retryProblem } from './advance.ts';
import { decideCompleted } from './decide-completed.ts';
import type { Execution, Workflow } from './execution.ts';
import type { Advance, Input } from './inputs.ts';
import type { RememberedEvent } from './remembered.ts';

/** What an execution asks to have done outside, and what becomes of it. */

const begin = (workflow: Workflow, contact: typeof CONTACT | undefined = CONTACT): Advance =>
  advance(workflow, anExecution(workflow), { kind: 'start' }, { nowMs: 0, contact, applyUpdates })!;

const move = (
  workflow: Workflow,
  execution: Execution,
  input: Input,
  nowMs: number,
  remembered: readonly RememberedEvent[] = [],
): Advance | undefined =>
  advance(workflow, execution, input, { nowMs, contact: CONTACT, applyUpdates, remembered });

const completed = (more: Partial<CompletedAction> = {}): CompletedAction => ({
  id: actionId('execution', 'email', 1),
  organizationId: 'organization',
  contactId: CONTACT.id,
  executionId: 'execution',
  workflowId: 'workflow',
  stepId: 'email',
  visit: 1,
  kind: 'email',
  status: 'delivered',
  attempts: 1,
  completedAtMs: 1_000,
  ...more,
});

describe('a step that sends', () => {
  it('requests one action by the id of its visit, fully filled in, and goes on at once', () => {
    const moved = begin(aWorkflow([email('email', { text: 'Total {{total}} {{gone}}' }), mark('after')]));
    expect(moved.actions).toEqual([
      {
        id: actionId('execution', 'email', 1),
        organizationId: 'organization',
        contactId: CONTACT.id,
        executionId: 'execution',
        workflowId: 'workflow',
        workflowVersion: 1,
        stepId: 'email',
        visit: 1,
        requestedAtMs: 0,
        kind: 'email',
        request: { to: 'ada@example.com', subject: 'Hello', text: 'Total 12 ' },
      },
    ]);
    expect(moved.visits[0]).toMatchObject({
      status: 'completed',
      detail: { actionId: moved.actions[0]!.id, missing: ['gone'] },
    });
    expect(moved.execution.status).toBe('completed');
  });

  it('sees what an earlier step made of the contact', () => {
    const moved = begin(aWorkflow([mark('seen'), email('email', { text: '{{contact.seen}}' })]));
    expect(moved.actions[0]!.request).toMatchObject({ text: 'true' });
  });

  it.each([
    ['no_address', { id: CONTACT.id, properties: {} }],
    ['no_contact', undefined],
  ])('that can request nothing (%s) is marked so, and the rest runs', (reason, contact) => {
    const workflow = aWorkflow([email(), hour()]);
    const at = { nowMs: 0, contact, applyUpdates };
    const moved = advance(workflow, anExecution(workflow), { kind: 'start' }, at)!;
    expect(moved.actions).toEqual([]);
    expect(moved.visits[0]).toMatchObject({ status: 'failed', detail: { reason } });
    expect(moved.execution.status).toBe('delayed');
  });

  it('fails its execution when it says so, which can then be retried from it', () => {
    const workflow = aWorkflow([mark('a'), email('email', { onFailure: 'fail' }), mark('b')]);
    const at = { nowMs: 0, contact: { id: CONTACT.id, properties: {} }, applyUpdates };
    const failed = advance(workflow, anExecution(workflow), { kind: 'start' }, at)!.execution;
    expect(failed).toMatchObject({
      status: 'failed',
      retryFrom: 'email',
      reason: expect.stringContaining('no_address'),
    });
    const retried = move(workflow, failed, { kind: 'retry' }, 10)!;
    expect(retried.actions.map(({ stepId, visit }) => [stepId, visit])).toEqual([['email', 3]]);
    expect(retried.visits.map(({ stepId }) => stepId)).toEqual(['email', 'b']);
  });

  it.each<[string, number, WorkflowStep]>([
    ['of texts that count in bytes', 100_000, email('email', { html: '{{x}}', text: '{{x}}' })],
    [
      'of many parameters',
      4_000,
      {
        id: 'email',
        type: 'send_whatsapp',
        config: {
          template: { name: 'n', language: 'en', parameters: Array.from({ length: 50 }, () => '{{x}}') },
        },
      },
    ],
    [
      'of a body and headers',
      10_000,
      {
        id: 'email',
        type: 'webhook',
        config: {
          url: 'https://example.com',
          body: { x: '{{x}}' },
          headers: Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`x-${index}`, '{{x}}'])),
        },
      },
    ],
  ])('requests nothing that is too long to be sent on: %s', (_, length, step) => {
    const workflow = aWorkflow([step, mark('after')]);
    const startedBy = (x: string): Advance => {
      const execution = anExecution(workflow);
      const trigger = { ...execution.trigger, properties: { x } };
      const contact = { ...CONTACT, phone: '+34600000000' };
      return advance(
        workflow,
        { ...execution, trigger },
        { kind: 'start' },
        { nowMs: 0, contact, applyUpdates },
      )!;
    };
    const refused = startedBy('\u6f22'.repeat(length));
    expect(refused.actions).toEqual([]);
    expect(refused.visits[0]).toMatchObject({ status: 'failed', detail: { reason: 'too_long' } });
    expect(refused.execution.status).toBe('completed');
    expect(startedBy('x'.repeat(length)).actions).toHaveLength(1);
  });

  it('requests another action each time the execution comes round', () => {
    const workflow = aWorkflow([email(), hour()], {
      transitions: [
        { fromStepId: 'email', toStepId: 'delay' },
        { fromStepId: 'delay', toStepId: 'email' },
      ],
    });
    const first = begin(workflow);
    const second = move(workflow, first.execution, { kind: 'due' }, 3_600_000)!;
    expect([...first.actions, ...second.actions].map(({ id }) => id)).toEqual([
      actionId('execution', 'email', 1),
      actionId('execution', 'email', 3),
    ]);
  });
});

describe('a subscription', () => {
  it('is asked for once per visit', () => {
    const steps: WorkflowStep[] = [
      { id: 's', type: 'subscribe_topic', config: { topicId: 'news', channel: 'email' } },
      { id: 'u', type: 'unsubscribe_topic', config: { topicId: 'old' } },
    ];
    const moved = begin(aWorkflow(steps));
    expect(moved.subscriptions).toEqual([
      { stepId: 's', visit: 1, topicId: 'news', channel: 'email', subscribed: true },
      { stepId: 'u', visit: 2, topicId: 'old', channel: null, subscribed: false },
    ]);
    expect(moved.visits[0]!.detail).toEqual({ topicId: 'news', channel: 'email', subscribed: true });
  });
});

describe('a wait for what becomes of an email', () => {
  const workflow = aWorkflow([email(), opened('email', { yes: [mark('yes')], no: [mark('no')] })]);
  const engaged = (properties: object, receivedAtMs = 1_000): Input => ({
    kind: 'event',
    event: { eventId: 'o1', name: 'email.opened', properties: { ...properties } },
    receivedAtMs,
  });
  const sent = { actionId: actionId('execution', 'email', 1) };

  it('is ended by the event that names the action, and by no other', () => {
    const { execution } = begin(workflow);
    expect(execution).toMatchObject({ waitsFor: ['email.opened'], dueAtMs: 259_200_000 });
    expect(move(workflow, execution, engaged({}), 1_000)).toBeUndefined();
    expect(
      move(workflow, execution, engaged({ actionId: actionId('execution', 'email', 2) }), 1_000),
    ).toBeUndefined();
    const moved = move(workflow, execution, engaged(sent), 1_000)!;
    expect(moved.visits.map(({ stepId, branch }) => [stepId, branch])).toEqual([
      ['opened', 'yes'],
      ['yes', undefined],
    ]);
  });

  it('sees that the email was opened before it began to wait', () => {
    const delayed = aWorkflow([email(), hour(), opened('email', { yes: [mark('yes')] })]);
    const { execution } = begin(delayed);
    const memory = [
      {
        organizationId: 'organization',
        contactId: CONTACT.id,
        event: { eventId: 'o1', name: 'email.opened', properties: sent },
        receivedAtMs: 60_000,
        forgetAtMs: Infinity,
      },
    ];
    const moved = move(delayed, execution, { kind: 'due' }, 3_600_000, memory)!;
    expect(moved.visits.map(({ stepId }) => stepId)).toEqual(['delay', 'opened', 'yes']);
    expect(moved.visits[1]).toMatchObject({ branch: 'yes', detail: { endedBy: 'lookback', eventId: 'o1' } });
  });

  it('waits its time for an email that was not sent', () => {
    const at = { nowMs: 0, contact: { id: CONTACT.id, properties: {} }, applyUpdates };
    const { execution } = advance(workflow, anExecution(workflow), { kind: 'start' }, at)!;
    expect(execution.status).toBe('waiting');
    expect(move(workflow, execution, engaged(sent), 1_000)).toBeUndefined();
    expect(move(workflow, execution, { kind: 'due' }, 259_200_000)!.visits[0]).toMatchObject({
      branch: 'no',
    });
  });
});

describe('how an action ended', () => {
  const decide = (
    steps: readonly WorkflowStep[],
    actions: readonly CompletedAction[],
    moved?: (workflow: Workflow, begun: Advance) => Execution,
  ) => {
    const workflow = aWorkflow(steps);
    const begun = begin(workflow);
    const visits = new Map([['execution', new Map(begun.visits.map((visit) => [visit.visit, visit]))]]);
    const execution = moved ? moved(workflow, begun) : begun.execution;
    const executions = new Map([['execution', execution]]);
    const world = { visits, executions, workflowOf: () => workflow, nowMs: 2_000 };
    return decideCompleted(actions, world, { newId: countingIds, applyUpdates });
  };

  it('is shown on the step, once', () => {
    const told = completed({ providerMessageId: 'm1', detail: { status: 250 } });
    const { effects, ignored } = decide([email(), hour()], [told, told]);
    expect(effects.visits.get('execution')!.get(1)).toMatchObject({
      status: 'completed',
      detail: {
        actionId: told.id,
        delivery: {
          status: 'delivered',
          attempts: 1,
          completedAt: '1970-01-01T00:00:01.000Z',
          providerMessageId: 'm1',
          detail: { status: 250 },
        },
      },
    });
    expect([effects.executions.size, ignored]).toEqual([0, 1]);
  });

  it('marks the step as failed when it failed, and lets the execution go on', () => {
    const { effects } = decide([email(), hour()], [completed({ status: 'failed' })]);
    expect(effects.visits.get('execution')!.get(1)).toMatchObject({
      status: 'failed',
      detail: { reason: 'not_delivered', delivery: { status: 'failed' } },
    });
    expect(effects.executions.size).toBe(0);
  });

  describe('when it was tried again by hand', () => {
    const steps = [email('email', { onFailure: 'fail' }), hour()];
    const failed = completed({ status: 'failed', attempts: 9, completedAtMs: 1_000 });
    const shown = (...actions: readonly CompletedAction[]) => {
      const { effects, ignored } = decide(steps, actions);
      return { visit: effects.visits.get('execution')!.get(1)!, ignored, notes: effects.progress };
    };

    it('is shown so by another batch too', () => {
      const workflow = aWorkflow(steps);
      const read = new Map([['execution', new Map([[1, shown(failed).visit]])]]);
      const world = { executions: new Map(), workflowOf: () => workflow, nowMs: 2_000 };
      const told = [completed({ completedAtMs: 2_000 })];
      const { effects } = decideCompleted(
        told,
        { ...world, visits: read },
        { newId: countingIds, applyUpdates },
      );
      expect(effects.visits.get('execution')!.get(1)).toMatchObject({ status: 'completed' });
    });

    it('is shown as it turned out in the end', () => {
      const { visit, ignored } = shown(failed, completed({ completedAtMs: 2_000 }));
      expect(visit).toMatchObject({
        status: 'completed',
        detail: { delivery: { status: 'delivered', completedAt: '1970-01-01T00:00:02.000Z' } },
      });
      expect(visit.detail).not.toHaveProperty('reason');
      expect(ignored).toBe(0);
    });

    it('in vain, is shown with its last attempt, and fails nothing more', () => {
      const again = { ...failed, attempts: 12, completedAtMs: 3_000 };
      const { visit, notes } = shown(failed, again);
      expect(visit).toMatchObject({ status: 'failed', detail: { delivery: { attempts: 12 } } });
      expect(notes.filter(({ effect }) => effect === 'ended')).toHaveLength(1);
    });

    it.each([
      ['what is older', failed, completed({ completedAtMs: 500 })],
      ['what comes again', failed, failed],
      ['a failure after a delivery', completed(), completed({ status: 'failed', completedAtMs: 2_000 })],
    ])('is not changed by %s', (_, first, second) => {
      const { visit, ignored } = shown(first, second);
      expect([visit.detail!.delivery, ignored]).toMatchObject([{ status: first.status }, 1]);
    });
  });

  it('is shown without what no database takes, however deep', () => {
    const detail = { 'a\0': ['b\ud83d', { c: '\ud83d\ude00\0' }], d: null, e: 4 };
    const told = completed({ status: 'failed', providerMessageId: 'm\0\udc00', detail });
    const { effects } = decide([email(), hour()], [told]);
    expect(effects.visits.get('execution')!.get(1)!.detail!.delivery).toMatchObject({
      providerMessageId: 'm\ufffd',
      detail: { a: ['b\ufffd', { c: '\ud83d\ude00' }], d: null, e: 4 },
    });
  });

  it('fails the execution where the step says so, wherever that stands, and a retry sends again', () => {
    const steps = [email('email', { onFailure: 'fail' }), hour(), mark('after')];
    const { effects } = decide(steps, [completed({ status: 'failed' })]);
    const { execution } = effects.executions.get('execution')!;
    expect(execution).toMatchObject({ status: 'failed', retryFrom: 'email', dueAtMs: null });
    expect(
      [...effects.visits.get('execution')!.values()].map(({ stepId, status }) => [stepId, status]),
    ).toEqual([
      ['email', 'failed'],
      ['delay', 'cancelled'],
    ]);
    const workflow = aWorkflow(steps);
    expect(retryProblem(execution, workflow)).toBeUndefined();
    const retried = move(workflow, execution, { kind: 'retry' }, 5_000)!;
    expect(retried.actions).toMatchObject([{ stepId: 'email', visit: 3 }]);
    expect(retried.execution).toMatchObject({ status: 'delayed', endedAtMs: null, reason: null });
  });

  it('changes nothing of an execution that has ended', () => {
    const { effects } = decide([email('email', { onFailure: 'fail' })], [completed({ status: 'failed' })]);
    expect(effects.executions.size).toBe(0);
    expect(effects.visits.get('execution')!.get(1)).toMatchObject({ status: 'failed' });
  });

  it.each([
    ['another visit', { visit: 9 }],
    ['another action', { id: actionId('execution', 'email', 7) }],
    ['another execution', { executionId: 'other' }],
  ])('of %s is passed over', (_, more) => {
    const { effects, ignored } = decide([email(), hour()], [completed(more)]);
    expect([effects.visits.size, effects.executions.size, ignored]).toEqual([0, 0, 1]);
  });
});
