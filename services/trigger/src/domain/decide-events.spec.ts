import { describe, expect, it } from '@jest/globals';
import {
  anEvent,
  anExecution,
  applyUpdates,
  aWorkflow,
  CONTACT,
  countingIds,
  mark,
  ORGANIZATION,
  wait,
} from '../../test/engine-builders.ts';
import { advance } from './advance.ts';
import { entryKey } from './board.ts';
import { decideEvents, type IncomingEvent, type World } from './decide-events.ts';
import type { Execution, Workflow } from './execution.ts';
import { candidates } from './match-triggers.ts';
import { toOrganizationWorkflows } from './organization.ts';

const tools = { newId: countingIds, applyUpdates };

function worldOf(workflows: readonly Workflow[], more: Partial<World> = {}): World {
  const organization = toOrganizationWorkflows({
    version: 1,
    statuses: new Map(workflows.map(({ id, status }) => [id, status])),
    enabled: workflows.filter(({ status }) => status === 'enabled'),
    waitedFor: ['paid', 'begun'],
  });
  return {
    positions: new Map(),
    organizations: new Map([[ORGANIZATION, organization]]),
    waiting: [],
    workflowOf: ({ workflowId }) => workflows.find(({ id }) => id === workflowId),
    contacts: new Map([[CONTACT.id, CONTACT]]),
    soleRuns: new Set(),
    handled: new Map(),
    ...more,
  };
}

const counts = (events: readonly IncomingEvent[], world: World) =>
  decideEvents(events, world, tools).outcomes.map((o) => [
    o.verdict,
    o.workflowsTriggered,
    o.executionsResumed,
  ]);

const waits = aWorkflow([wait('paid', { yes: [mark('yes')] }, { timeoutSeconds: 1 }, 'w')]);
const waiting = (workflow = waits): Execution =>
  advance(workflow, anExecution(workflow), { kind: 'start' }, { nowMs: 0, contact: CONTACT, applyUpdates })!
    .execution;

describe('what Meta is told of a batch', () => {
  const terms = {
    channels: [{ id: 'n1', phoneNumberId: '10', wabaId: '1', datasetId: '2' }],
    settings: {
      orderEventNames: ['order'],
      leadEventNames: ['lead'],
      defaultCurrency: 'EUR',
      attributionWindowHours: 1,
    },
  };
  const order = (offset: number, more: Partial<IncomingEvent> = {}, properties: object = { value: '5' }) =>
    anEvent({ name: 'order', offset, ...more }, { ctwa_clid: 'click', ...properties });
  const told = (events: readonly IncomingEvent[], more: Partial<World> = {}) => {
    const feedback = { terms: new Map([[ORGANIZATION, terms]]), clicks: new Map() };
    const { effects, conversions, hasEffects } = decideEvents(
      events,
      worldOf([], { feedback, ...more }),
      tools,
    );
    return { ids: effects.conversions.map(({ eventId }) => eventId), counted: [...conversions], hasEffects };
  };

  it('is each order and lead, once', () => {
    expect(told([order(0), order(0), order(1, { name: 'lead' }), order(2, { name: 'viewed' })])).toEqual({
      ids: ['event-0', 'event-1'],
      counted: [['requested', 2]],
      hasEffects: true,
    });
  });

  it('is nothing of what has taken effect, came again, or is past history', () => {
    const replayOf = { source: 'received.1.0', offset: 3 };
    const again = [order(0), order(4, { replayOf }), order(5, { backfill: true })];
    const nothing = { ids: [], counted: [], hasEffects: false };
    expect(told(again, { positions: new Map([['received.1.0', 3]]) })).toEqual(nothing);
    expect(told([order(6, { organizationId: 'another' })])).toEqual(nothing);
    const { feedback: _none, ...without } = worldOf([]);
    expect(decideEvents([order(7)], without, tools).hasEffects).toBe(false);
  });

  it('is counted where it is left out', () => {
    expect(told([order(0, {}, {}), order(1, {}, { ctwa_clid: null, value: '5' })])).toEqual({
      ids: [],
      counted: [
        ['no_worth', 1],
        ['no_click', 1],
      ],
      hasEffects: false,
    });
  });
});

describe('a batch of events', () => {
  it('starts what it triggers, and resumes what waits', () => {
    const world = worldOf([waits], { waiting: [waiting()] });
    expect(
      counts([anEvent({ name: 'begun', offset: 0 }), anEvent({ name: 'paid', offset: 1 })], world),
    ).toEqual([
      ['admitted', 1, 0],
      // The one that waited before, and the one that the event before it started.
      ['admitted', 0, 2],
    ]);
  });

  it('whose event matches nothing has no effects but its position', () => {
    const decision = decideEvents([anEvent({ name: 'other', offset: 7 })], worldOf([waits]), tools);
    expect(decision.hasEffects).toBe(false);
    expect([...decision.positions]).toEqual([['received.1.0', 7]]);
    expect(decision.tally).toMatchObject({ no_effect: 1 });
  });

  it('never resumes a wait with the event that started it', () => {
    const itself = aWorkflow([wait('begun', { yes: [wait('begun', {}, {}, 'second')] }, {}, 'first')]);
    const decision = decideEvents(
      [anEvent({ name: 'begun', offset: 0 }), anEvent({ name: 'begun', offset: 1 })],
      worldOf([itself]),
      tools,
    );
    expect(decision.outcomes.map((o) => [o.workflowsTriggered, o.executionsResumed])).toEqual([
      [1, 0],
      [1, 1],
    ]);
    const standing = [...decision.effects.executions.values()].map(({ execution }) => execution.stepId);
    expect(standing.sort()).toEqual(['first', 'second']);
  });

  it('has no second effect when it comes again, and answers the same', () => {
    const world = worldOf([waits], {
      positions: new Map([['received.1.0', 1]]),
      handled: new Map([['event-0', { workflowsTriggered: 1, executionsResumed: 0 }]]),
    });
    const again = [anEvent({ name: 'begun', offset: 0 }), anEvent({ name: 'begun', offset: 1 })];
    const decision = decideEvents(again, world, tools);
    expect(decision.hasEffects).toBe(false);
    expect(counts(again, world)).toEqual([
      ['admitted', 1, 0],
      ['admitted', 0, 0],
    ]);
  });

  it('that holds the same message twice takes it once', () => {
    const event = anEvent({ name: 'begun', offset: 3 });
    expect(counts([event, event], worldOf([waits]))).toEqual([
      ['admitted', 1, 0],
      ['admitted', 1, 0],
    ]);
    expect(decideEvents([event, event], worldOf([waits]), tools).effects.executions.size).toBe(1);
  });

  it('answers a replay from the first, once that has taken effect', () => {
    const first = anEvent({ name: 'begun', offset: 0, eventId: 'same' });
    const replay = anEvent({ name: 'begun', offset: 1, eventId: 'same', replayOf: first.position });
    expect(counts([first, replay], worldOf([waits]))[1]).toEqual(['admitted', 1, 0]);
    expect(counts([replay], worldOf([waits]))).toEqual([['accepted', 0, 0]]);
    const past = worldOf([waits], { positions: new Map([['received.1.0', 0]]) });
    expect(counts([replay], past)).toEqual([['admitted', 0, 0]]);
    // A replay that is itself delivered again still knows whether the first has taken effect.
    const ahead = { ...replay, replayOf: { source: 'inbound.1.0', offset: 9 } };
    expect(counts([ahead], worldOf([waits], { positions: new Map([['received.1.0', 1]]) }))).toEqual([
      ['accepted', 0, 0],
    ]);
    expect(decideEvents([replay], past, tools).effects.executions.size).toBe(0);
  });

  it('starts and resumes nothing by an event of a contact who was erased', () => {
    const world = worldOf([waits], { waiting: [waiting()] });
    const events = ['begun', 'paid'].map((name, offset) => ({ ...anEvent({ name, offset }), erased: true }));
    const decision = decideEvents(events, world, tools);
    expect(decision).toMatchObject({ hasEffects: false, tally: { effect: 0, backfill: 0, erased: 2 } });
    expect(decision.positions.get('received.1.0')).toBe(1);
  });

  it('starts and resumes nothing by a backfill', () => {
    const world = worldOf([waits], { waiting: [waiting()] });
    const events = ['begun', 'paid'].map((name, offset) => anEvent({ name, offset, backfill: true }));
    expect(counts(events, world)).toEqual([
      ['admitted', 0, 0],
      ['admitted', 0, 0],
    ]);
    expect(decideEvents(events, world, tools).positions.get('received.1.0')).toBe(1);
  });

  it('looks at the filter of the trigger', () => {
    const filtered = aWorkflow([mark('a')], {
      trigger: {
        type: 'event',
        eventName: 'begun',
        filter: [{ field: 'total', operator: 'greater_than', value: 10 }],
      },
    });
    const events = [5, 15].map((total, offset) => anEvent({ name: 'begun', offset }, { total }));
    expect(counts(events, worldOf([filtered])).map(([, started]) => started)).toEqual([0, 1]);
  });

  it('takes nothing that was received at the deadline, and takes what was received before it, however late it is read', () => {
    const world = worldOf([waits], { waiting: [waiting()] });
    expect(counts([anEvent({ name: 'paid', offset: 0, receivedAtMs: 1_000 })], world)[0]![2]).toBe(0);
    expect(counts([anEvent({ name: 'paid', offset: 0, receivedAtMs: 999 })], world)[0]![2]).toBe(1);
  });

  it('keeps other contacts out of it', () => {
    const world = worldOf([waits], { waiting: [waiting()] });
    expect(counts([anEvent({ name: 'paid', offset: 0, contactId: 'another' })], world)[0]![2]).toBe(0);
  });

  it('counts what a pause holds as resumed, and what an archive cancels as not', () => {
    for (const [status, resumed] of [
      ['paused', 1],
      ['archived', 0],
    ] as const) {
      const world = worldOf([{ ...waits, status }], { waiting: [waiting()] });
      expect(counts([anEvent({ name: 'paid', offset: 0 })], world)[0]![2]).toBe(resumed);
    }
  });

  it('refuses a second execution where one is allowed, tells so, and allows the next when that has ended', () => {
    const sole = aWorkflow([wait('paid', {}, {}, 'w')], { settings: { allowReentry: false } });
    const events = ['begun', 'begun', 'paid', 'begun'].map((name, offset) => anEvent({ name, offset }));
    const decision = decideEvents(events, worldOf([sole]), tools);
    expect(decision.outcomes.map((o) => o.workflowsTriggered)).toEqual([1, 0, 0, 1]);
    expect(decision.effects.progress.filter(({ effect }) => effect === 'refused')).toMatchObject([
      { eventId: 'event-1', reason: expect.stringContaining('running') },
    ]);
    const running = worldOf([sole], { soleRuns: new Set([entryKey(sole.id, CONTACT.id)]) });
    expect(counts([events[0]!], running)).toEqual([['admitted', 0, 0]]);
  });

  it('lets a later execution see what an earlier one made of the contact', () => {
    const first = aWorkflow([mark('seen')], { id: 'first' });
    const second = aWorkflow(
      [
        {
          id: 'c',
          type: 'condition',
          config: { field: 'seen', operator: 'is_true' },
          branches: { yes: [mark('yes')] },
        },
      ],
      { id: 'second' },
    );
    const { effects } = decideEvents(
      [anEvent({ name: 'begun', offset: 0 })],
      worldOf([first, second]),
      tools,
    );
    expect(effects.contactUpdates.map(({ cause }) => cause.split('/')[1])).toEqual(['seen', 'yes']);
  });

  it('answers nobody who does not wait', () => {
    const { replyTo: _, ...event } = anEvent({ name: 'begun', offset: 0 });
    expect(decideEvents([event], worldOf([waits]), tools).outcomes).toEqual([]);
  });

  it('looks at the workflows of its own name alone, however many others there are', () => {
    const many = Array.from({ length: 1_000 }, (_, n) =>
      aWorkflow([mark('a')], { id: `w${n}`, trigger: { type: 'event', eventName: `n${n}` } }),
    );
    const world = worldOf(many);
    expect(candidates(world.organizations.get(ORGANIZATION)!, 'n7').map(({ id }) => id)).toEqual(['w7']);
    expect(counts([anEvent({ name: 'n7', offset: 0 })], world)).toEqual([['admitted', 1, 0]]);
  });
});
