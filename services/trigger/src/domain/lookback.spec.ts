import { describe, expect, it } from '@jest/globals';
import {
  anEvent,
  anExecution,
  applyUpdates,
  aWorkflow,
  CONTACT,
  countingIds,
  hour,
  HOUR_MS,
  mark,
  ORGANIZATION,
  remembered,
  wait,
} from '../../test/engine-builders.ts';
import { advance } from './advance.ts';
import { decideEvents, type World } from './decide-events.ts';
import type { Workflow } from './execution.ts';
import type { Advance, Input } from './inputs.ts';
import { toOrganizationWorkflows } from './organization.ts';
import type { RememberedEvent } from './remembered.ts';
import { lookedBack, waitedFor } from './waited-events.ts';

const tools = { newId: countingIds, applyUpdates };

/** Waits for `paid`, and looks back a minute. */
const looking = (config: Parameters<typeof wait>[2] = {}) =>
  wait('paid', { yes: [mark('yes')], no: [mark('no')] }, { lookbackSeconds: 60, ...config }, 'w');

function move(
  workflow: Workflow,
  nowMs: number,
  memory: readonly RememberedEvent[],
  before?: Advance,
): Advance {
  const execution = before?.execution ?? anExecution(workflow, { enteredAtMs: nowMs, startedAtMs: nowMs });
  const input: Input = before ? { kind: 'due' } : { kind: 'start' };
  const at = { nowMs, contact: CONTACT, applyUpdates, remembered: memory };
  return advance(workflow, execution, input, at)!;
}

const walked = ({ visits }: Advance) => visits.map(({ stepId }) => stepId);

function worldOf(workflow: Workflow, more: Partial<World> = {}): World {
  const { definition } = workflow;
  const organization = toOrganizationWorkflows({
    version: 1,
    statuses: new Map([[workflow.id, workflow.status]]),
    enabled: [workflow],
    waitedFor: waitedFor(definition),
    lookedBack: lookedBack(definition),
  });
  return {
    positions: new Map(),
    organizations: new Map([[ORGANIZATION, organization]]),
    waiting: [],
    workflowOf: () => workflow,
    contacts: new Map([[CONTACT.id, CONTACT]]),
    handled: new Map(),
    ...more,
  };
}

describe('a wait that looks back', () => {
  const workflow = aWorkflow([looking()]);

  it('is ended at once by an event that came a moment before it, which later steps can read', () => {
    const moved = move(workflow, 100_000, [remembered('paid', 99_000, { method: 'card' })]);
    expect(walked(moved)).toEqual(['w', 'yes']);
    expect(moved.visits[0]).toMatchObject({
      branch: 'yes',
      detail: { endedBy: 'lookback', eventId: 'paid-99000', receivedAt: '1970-01-01T00:01:39.000Z' },
    });
    expect(moved.execution.resumes.w!.properties).toEqual({ method: 'card' });
    expect(moved.notes.map(({ effect, eventId }) => [effect, eventId])).toEqual([
      ['started', 'e0'],
      ['resumed', 'paid-99000'],
      ['ended', undefined],
    ]);
  });

  it.each([
    ['as far back as it looks', 40_000, true],
    ['before that', 39_999, false],
    ['in the very moment in which it begins', 100_000, true],
  ])('takes what was received %s: %d, %s', (_, receivedAtMs, isTaken) => {
    const moved = move(workflow, 100_000, [remembered('paid', receivedAtMs)]);
    expect(moved.execution.status === 'completed').toBe(isTaken);
  });

  it('takes the first of several, and no other name, nor what its filter refuses', () => {
    const memory = [remembered('other', 98_000), remembered('paid', 98_500), remembered('paid', 99_000)];
    expect(move(workflow, 100_000, memory).execution.resumes.w!.eventId).toBe('paid-98500');
    const filtered = aWorkflow([looking({ filter: [{ field: 'n', operator: 'equals', value: 2 }] })]);
    const numbered = [1, 2].map((n) => remembered('paid', 98_000 + n, { n }));
    expect(move(filtered, 100_000, numbered).execution.resumes.w!.properties).toEqual({ n: 2 });
  });

  it('takes no event twice in one execution, nor the one that started it', () => {
    const twice = aWorkflow([
      wait('paid', { yes: [] }, { lookbackSeconds: 60 }, 'a'),
      wait('paid', {}, { lookbackSeconds: 60 }, 'b'),
    ]);
    const moved = move(twice, 100_000, [remembered('paid', 99_000), remembered('begun', 99_500, {}, 'e0')]);
    expect(moved.execution).toMatchObject({ status: 'waiting', stepId: 'b' });
    const own = aWorkflow([wait('begun', {}, { lookbackSeconds: 60 }, 'w')]);
    expect(move(own, 100_000, [remembered('begun', 100_000, {}, 'e0')]).execution.status).toBe('waiting');
  });

  it('goes round once for each event, however many there are', () => {
    const round = aWorkflow([{ ...looking(), branches: undefined } as never, mark('yes')], {
      transitions: [
        { fromStepId: 'w', toStepId: 'yes', condition: { branch: 'yes' } },
        { fromStepId: 'yes', toStepId: 'w' },
      ],
    });
    const memory = Array.from({ length: 700 }, (_, n) => remembered('paid', 50_000 + n));
    const moved = move(round, 100_000, memory);
    expect(moved.execution).toMatchObject({ status: 'waiting', visits: 1_401 });
    expect(moved.execution.taken).toHaveLength(700);
  });

  it('looks back from where it begins, after a delay too, and forgets what nothing can see any more', () => {
    const delayed = aWorkflow([hour(), looking()]);
    const started = move(delayed, 0, []);
    const memory = [remembered('paid', 1_000), remembered('paid', HOUR_MS - 1_000)];
    const moved = move(delayed, HOUR_MS, memory, started);
    expect(moved.execution.resumes.w!.eventId).toBe(`paid-${HOUR_MS - 1_000}`);
    expect(moved.execution.taken.map(({ eventId }) => eventId)).toEqual([`paid-${HOUR_MS - 1_000}`]);
  });

  it('with no seconds does not even see what is received in the moment in which it begins', () => {
    const blind = aWorkflow([wait('paid', {}, { lookbackSeconds: 0 }, 'a'), looking()]);
    expect(move(blind, 100_000, [remembered('paid', 100_000)]).execution).toMatchObject({ stepId: 'a' });
  });

  it('is not ended by what a pause holds back: it has not begun', () => {
    const paused = aWorkflow([looking()], { status: 'paused' });
    expect(move(paused, 100_000, [remembered('paid', 99_000)]).execution.status).toBe('paused');
  });

  it('needs no memory of executions that do not look back', () => {
    expect(aWorkflow([wait('paid')]).looksBackMs).toBe(0);
    expect(move(aWorkflow([wait('paid')]), 0, []).execution.taken).toEqual([]);
    expect(workflow.looksBackMs).toBe(60_000);
  });
});

describe('a batch of events', () => {
  const workflow = aWorkflow([looking()]);

  it('is remembered where something looks back for it, and seen by what comes later in it', () => {
    const paid = anEvent({ name: 'paid', offset: 0, receivedAtMs: 1_000 }, { method: 'card' });
    const begun = anEvent({ name: 'begun', offset: 1, receivedAtMs: 2_000 });
    const { effects, outcomes } = decideEvents([paid, begun], worldOf(workflow), tools);
    expect(effects.remembered).toEqual([
      {
        organizationId: ORGANIZATION,
        contactId: CONTACT.id,
        event: { eventId: 'event-0', name: 'paid', properties: { method: 'card' } },
        receivedAtMs: 1_000,
        forgetAtMs: 61_000,
      },
    ]);
    expect([...effects.executions.values()][0]!.execution.resumes.w!.eventId).toBe('event-0');
    // The event itself has resumed nothing: it was answered before anything waited for it.
    expect(outcomes.map((o) => [o.workflowsTriggered, o.executionsResumed])).toEqual([
      [0, 0],
      [1, 0],
    ]);
  });

  it('is seen from what was stored before, too', () => {
    const world = worldOf(workflow, { remembered: new Map([[CONTACT.id, [remembered('paid', 1_000)]]]) });
    const { effects } = decideEvents(
      [anEvent({ name: 'begun', offset: 1, receivedAtMs: 2_000 })],
      world,
      tools,
    );
    expect([...effects.executions.values()][0]!.execution.status).toBe('completed');
    expect(effects.remembered).toEqual([]);
  });

  it('leaves out backfills, and what nothing looks back for', () => {
    const events = [
      anEvent({ name: 'paid', offset: 0, backfill: true }),
      anEvent({ name: 'other', offset: 1 }),
    ];
    const decision = decideEvents(events, worldOf(workflow), tools);
    expect(decision.effects.remembered).toEqual([]);
    expect(decision.hasEffects).toBe(false);
  });
});
