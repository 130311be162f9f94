import { describe, expect, it } from '@jest/globals';
import { actionId, type WorkflowStep } from '@trackline/contracts';
import {
  anExecution,
  applyUpdates,
  aWorkflow,
  CONTACT,
  countingIds,
  email,
  mark,
} from '../../test/engine-builders.ts';
import { advance } from './advance.ts';
import { decideDue } from './decide-due.ts';
import type { Execution, Workflow } from './execution.ts';
import type { ContactView } from './fields.ts';
import { HOLD_MS } from './hold.ts';
import type { Advance, Input } from './inputs.ts';

/** Sends to a contact of whom only a trace is known. */

const NOBODY: ContactView = { id: CONTACT.id, properties: {}, provisional: true };
const ADA: ContactView = { id: 'ada', email: 'ada@example.com', firstName: 'Ada', properties: {} };
const START: Input = { kind: 'start' };
const TURN: Input = { kind: 'turn' };
const DUE: Input = { kind: 'due' };

const move = (
  workflow: Workflow,
  execution: Execution,
  input: Input,
  { contact = NOBODY, nowMs = 0 }: { contact?: ContactView | null; nowMs?: number } = {},
): Advance | undefined =>
  advance(workflow, execution, input, { nowMs, contact: contact ?? undefined, applyUpdates });

const workflow = aWorkflow([
  mark('before'),
  email('mail', { subject: 'Hi {{firstName|you}}' }),
  mark('after'),
]);
const held = move(workflow, anExecution(workflow), START)!;

describe('a send to nobody in particular', () => {
  it('is held at its step, which says why and until when, and nothing after it is done', () => {
    expect(held.actions).toEqual([]);
    expect(held.execution).toMatchObject({ status: 'delayed', stepId: 'mail', held: true });
    expect(held.visits.map(({ stepId, status }) => [stepId, status])).toEqual([
      ['before', 'completed'],
      ['mail', 'waiting'],
    ]);
    expect(held.visits[1]!.detail).toEqual({
      held: 'provisional_contact',
      heldUntil: new Date(HOLD_MS).toISOString(),
    });
  });

  it('goes out once to whom it turns out to be, in their words, as the visit that it was held in', () => {
    const sent = move(workflow, held.execution, TURN, { contact: ADA, nowMs: 500 })!;
    expect(sent.actions).toMatchObject([
      {
        id: actionId('execution', 'mail', 2),
        visit: 2,
        requestedAtMs: 500,
        request: { to: ADA.email, subject: 'Hi Ada' },
      },
    ]);
    expect(sent.visits[0]).toMatchObject({
      visit: 2,
      status: 'completed',
      startedAtMs: 0,
      endedAtMs: 500,
      detail: { actionId: sent.actions[0]!.id, held: 'provisional_contact' },
    });
    expect(sent.execution).toMatchObject({ status: 'completed', held: false });
    expect(move(workflow, sent.execution, TURN, { contact: ADA, nowMs: 501 })).toBeUndefined();
  });

  it('is held on while a look finds nobody yet: told by a turn, or by the look of its own', () => {
    expect(move(workflow, held.execution, TURN, { nowMs: 500 })).toBeUndefined();
    const looked = move(workflow, held.execution, DUE, { nowMs: held.execution.dueAtMs! })!;
    expect(looked).toMatchObject({ visits: [], actions: [], notes: [] });
    expect(looked.execution).toMatchObject({ status: 'delayed', held: true, dueAtMs: HOLD_MS });
    expect(move(workflow, looked.execution, TURN, { contact: ADA, nowMs: 100_000 })!.actions).toHaveLength(1);
  });

  it('is looked at once more by itself, so that nobody has to be told of twice', () => {
    expect(held.execution.dueAtMs).toBeLessThanOrEqual(60_000);
    expect(move(workflow, held.execution, DUE, { contact: ADA, nowMs: 60_000 })!.actions).toHaveLength(1);
  });

  it('is given up after 7 days, with a reason that can be read, and the rest is done', () => {
    const late = { ...held.execution, dueAtMs: HOLD_MS };
    const over = move(workflow, late, DUE, { nowMs: HOLD_MS })!;
    expect(over.actions).toEqual([]);
    expect(over.visits[0]).toMatchObject({
      visit: 2,
      status: 'failed',
      detail: { reason: 'not_linked', held: 'provisional_contact' },
    });
    expect(over.execution).toMatchObject({ status: 'completed', held: false });
  });

  it('goes out after 7 days when there is an address', () => {
    const late = { ...held.execution, dueAtMs: HOLD_MS };
    expect(move(workflow, late, DUE, { contact: ADA, nowMs: HOLD_MS })!.actions).toHaveLength(1);
  });

  it('fails its execution where the step says so, and is held anew when that is retried', () => {
    const strict = aWorkflow([email('mail', { onFailure: 'fail' })]);
    const { execution } = move(strict, anExecution(strict), START)!;
    const failed = move(strict, { ...execution, dueAtMs: HOLD_MS }, DUE, { nowMs: HOLD_MS })!.execution;
    expect(failed).toMatchObject({ status: 'failed', retryFrom: 'mail', held: false });
    expect(failed.reason).toContain('not_linked');
    const again = move(strict, failed, { kind: 'retry' }, { nowMs: HOLD_MS + 1 })!;
    expect(again.execution).toMatchObject({ status: 'delayed', held: true, visits: 2 });
  });

  it('is refused when whose it was has been erased', () => {
    const gone = move(workflow, held.execution, TURN, { contact: null, nowMs: 5 })!;
    expect(gone.visits[0]).toMatchObject({ status: 'failed', detail: { reason: 'no_contact' } });
    expect(gone.notes[0]).toMatchObject({ effect: 'resumed', reason: 'the contact does not exist any more' });
  });

  it('waits for the workflow, too, when that is paused, and is taken anew', () => {
    const paused = { ...workflow, status: 'paused' as const };
    const stopped = move(paused, held.execution, TURN, { contact: ADA, nowMs: 5 })!;
    expect(stopped.actions).toEqual([]);
    expect(stopped.execution).toMatchObject({ status: 'paused', stepId: 'mail', held: false });
    expect(stopped.visits[0]).toMatchObject({ status: 'cancelled', detail: { held: 'provisional_contact' } });
    const sent = move(workflow, stopped.execution, TURN, { contact: ADA, nowMs: 9 })!;
    expect(sent.actions).toMatchObject([{ stepId: 'mail', visit: 3 }]);
  });

  it('goes with an execution that is cancelled', () => {
    const gone = move(workflow, held.execution, { kind: 'cancel', reason: 'by hand' }, { nowMs: 5 })!;
    expect(gone.execution).toMatchObject({ status: 'cancelled', held: false, dueAtMs: null });
    expect(gone.visits[0]).toMatchObject({ stepId: 'mail', status: 'cancelled' });
  });

  it('goes at once when an earlier step made somebody of them', () => {
    const known = aWorkflow([
      {
        id: 'set',
        type: 'update_contact',
        config: { updates: [{ field: 'email', operation: 'set', value: 'x' }] },
      },
      email('mail'),
    ]);
    const at = {
      nowMs: 0,
      contact: NOBODY,
      applyUpdates: () => ({ contact: ADA, refused: [] }),
    };
    expect(advance(known, anExecution(known), START, at)!.actions).toHaveLength(1);
  });
});

it.each<[string, WorkflowStep]>([
  ['send_sms', { id: 's', type: 'send_sms', config: { body: 'Hi' } }],
  ['send_whatsapp', { id: 's', type: 'send_whatsapp', config: { body: 'Hi' } }],
])('%s is held, too', (_, step) => {
  const one = aWorkflow([step]);
  expect(move(one, anExecution(one), START)!.execution.held).toBe(true);
});

it('a webhook is not held: it goes to the customer’s own system, about the contact there is', () => {
  const one = aWorkflow([{ id: 'w', type: 'webhook', config: { url: 'https://example.com' } }]);
  expect(move(one, anExecution(one), START)!.actions).toHaveLength(1);
});

it('a turn that finds nobody leaves the time of the next look as it is', () => {
  const { effects, untouched } = decideDue(
    [{ execution: held.execution, kind: 'turn' }],
    { workflowOf: () => workflow, contacts: new Map([[CONTACT.id, NOBODY]]), nowMs: 5 },
    { newId: countingIds, applyUpdates },
  );
  expect(effects.executions.size).toBe(0);
  expect(untouched).toEqual([held.execution]);
});
