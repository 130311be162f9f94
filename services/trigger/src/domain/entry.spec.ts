import { describe, expect, it } from '@jest/globals';
import { MAX_CONTACT_EXECUTIONS, type WorkflowSettings } from '@trackline/contracts';
import {
  anEvent,
  applyUpdates,
  aWorkflow,
  CONTACT,
  countingIds,
  hour,
  mark,
  ORGANIZATION,
  wait,
} from '../../test/engine-builders.ts';
import { entryKey } from './board.ts';
import { decideEvents, type World } from './decide-events.ts';
import { asksForEntries, refusalOf, type EntryFacts, type Running } from './entry.ts';
import type { Workflow } from './execution.ts';
import { toOrganizationWorkflows } from './organization.ts';

const facts = (more: Partial<EntryFacts> = {}): EntryFacts => ({
  isRunning: false,
  lastStartedAtMs: null,
  lastEndedAtMs: null,
  ...more,
});

const of = (ofWorkflow: number, ofContact = 0): Running => ({ ofWorkflow, ofContact });

describe('entering a workflow', () => {
  it.each<[WorkflowSettings, EntryFacts, number, string | undefined]>([
    [{}, facts({ isRunning: true, lastStartedAtMs: 99_999, lastEndedAtMs: 99_999 }), 999, undefined],
    [{}, facts(), 1_000, 'max_concurrent_executions'],
    [{ maxConcurrentExecutions: 2 }, facts(), 1, undefined],
    [{ maxConcurrentExecutions: 2 }, facts(), 2, 'max_concurrent_executions'],
    [{ maxConcurrentExecutions: 5_000 }, facts(), 4_999, undefined],
    [{ allowReentry: false }, facts({ lastEndedAtMs: 99_999 }), 0, undefined],
    [{ allowReentry: false }, facts({ isRunning: true }), 0, 'already_running'],
    [{ reentryDelaySeconds: 10 }, facts({ isRunning: true }), 0, 'already_running'],
    [{ reentryDelaySeconds: 10 }, facts({ lastEndedAtMs: 90_001 }), 0, 'reentry_delay'],
    [{ reentryDelaySeconds: 10 }, facts({ lastEndedAtMs: 90_000 }), 0, undefined],
    [{ contactCooldownSeconds: 10 }, facts({ lastStartedAtMs: 90_001 }), 0, 'contact_cooldown'],
    [{ contactCooldownSeconds: 10 }, facts({ lastStartedAtMs: 90_000, isRunning: true }), 0, undefined],
  ])('with %j, %j and %d running: %s', (settings, known, running, expected) =>
    expect(refusalOf({ waits: false, definition: { settings } }, known, of(running), 100_000)).toBe(expected),
  );

  it('is refused whom too many run for already, where the workflow waits for an event', () => {
    const full = of(0, MAX_CONTACT_EXECUTIONS);
    const enter = (waits: boolean, running: Running) =>
      refusalOf({ waits, definition: {} }, facts(), running, 100_000);
    expect(enter(true, full)).toBe('max_contact_executions');
    expect(enter(true, of(0, MAX_CONTACT_EXECUTIONS - 1))).toBeUndefined();
    expect(enter(false, full)).toBeUndefined();
  });

  it('asks for what is known of the contact only where a setting needs it', () => {
    expect([{}, { maxConcurrentExecutions: 5 }, { contactCooldownSeconds: 0 }].map(asksForEntries)).toEqual([
      false,
      false,
      false,
    ]);
    expect(
      [{ allowReentry: false }, { reentryDelaySeconds: 1 }, { contactCooldownSeconds: 1 }].map(
        asksForEntries,
      ),
    ).toEqual([true, true, true]);
  });
});

describe('a batch that starts executions', () => {
  const worldOf = (workflow: Workflow, more: Partial<World> = {}): World => ({
    positions: new Map(),
    organizations: new Map([
      [
        ORGANIZATION,
        toOrganizationWorkflows({ version: 1, statuses: new Map(), enabled: [workflow], waitedFor: [] }),
      ],
    ]),
    waiting: [],
    workflowOf: () => workflow,
    contacts: new Map([[CONTACT.id, CONTACT]]),
    handled: new Map(),
    ...more,
  });
  const decide = (
    workflow: Workflow,
    times: readonly number[],
    more: Partial<World> = {},
    contact = CONTACT.id,
  ) => {
    const events = times.map((receivedAtMs, offset) =>
      anEvent({ name: 'begun', offset, receivedAtMs, contactId: contact }),
    );
    const decision = decideEvents(events, worldOf(workflow, more), { newId: countingIds, applyUpdates });
    return {
      started: decision.outcomes.map(({ workflowsTriggered }) => workflowsTriggered),
      refused: decision.effects.refusals.map(({ eventId, reason }) => [eventId, reason]),
      told: decision.effects.progress.filter(({ effect }) => effect === 'refused'),
    };
  };

  it('counts what it has started itself, and what has ended in it', () => {
    const long = aWorkflow([hour()], { settings: { maxConcurrentExecutions: 3 } });
    expect(decide(long, [1, 2, 3], { running: new Map([[long.id, 1]]) })).toMatchObject({
      started: [1, 1, 0],
      refused: [['event-2', 'max_concurrent_executions']],
    });
    const short = aWorkflow([mark('a')], { settings: { maxConcurrentExecutions: 1 } });
    expect(decide(short, [1, 2, 3]).started).toEqual([1, 1, 1]);
  });

  it('holds a contact to the delay after the end, and to the cooldown after the start', () => {
    const delayed = aWorkflow([mark('a')], { settings: { reentryDelaySeconds: 10 } });
    expect(decide(delayed, [1_000, 5_000, 11_000, 20_999]).started).toEqual([1, 0, 1, 0]);
    const cooled = aWorkflow([hour()], { settings: { contactCooldownSeconds: 10 } });
    expect(decide(cooled, [1_000, 5_000, 11_000]).started).toEqual([1, 0, 1]);
    const before = new Map([[entryKey(cooled.id, CONTACT.id), facts({ lastStartedAtMs: 500 })]]);
    expect(decide(cooled, [1_000, 10_500], { entries: before }).started).toEqual([0, 1]);
    expect(decide(cooled, [1_000], { entries: before }, 'another').started).toEqual([1]);
  });

  it('lets a contact have so many executions, where one waits, and no more', () => {
    const before = new Map([[CONTACT.id, MAX_CONTACT_EXECUTIONS - 2]]);
    const settings = { maxConcurrentExecutions: 1_000_000 };
    const waiting = aWorkflow([wait('paid')], { settings });
    expect(decide(waiting, [1, 2, 3], { runningOfContacts: before })).toMatchObject({
      started: [1, 1, 0],
      refused: [['event-2', 'max_contact_executions']],
    });
    expect(decide(waiting, [1, 2, 3], { runningOfContacts: before }, 'another').started).toEqual([1, 1, 1]);
    const passing = aWorkflow([mark('a')], { settings });
    expect(decide(passing, [1, 2, 3], { runningOfContacts: before }).started).toEqual([1, 1, 1]);
  });

  it('tells of each refusal, with its reason', () => {
    const sole = aWorkflow([hour()], { settings: { allowReentry: false } });
    expect(decide(sole, [1, 2]).told).toMatchObject([
      { effect: 'refused', reason: 'already_running', eventId: 'event-1', status: 'refused' },
    ]);
  });
});
