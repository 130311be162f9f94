import { describe, expect, it } from '@jest/globals';
import { scheduledExecutionId, type WorkflowTrigger } from '@trackline/contracts';
import {
  applyUpdates,
  aWorkflow,
  CONTACT,
  countingIds,
  email,
  mark,
  ORGANIZATION,
} from '../../test/engine-builders.ts';
import { decideScheduled } from './decide-scheduled.ts';
import { decideSignals, type SignalWorld } from './decide-signals.ts';
import type { Workflow } from './execution.ts';
import { startedBySignal, toOrganizationWorkflows } from './organization.ts';
import type { ContactSignal } from './signal.ts';

/** What starts an execution without an event. */

const tools = { newId: countingIds, applyUpdates };
const by = (trigger: WorkflowTrigger, id = 'workflow') => aWorkflow([mark('a')], { trigger, id });
const organizationOf = (enabled: readonly Workflow[]) =>
  toOrganizationWorkflows({ version: 1, statuses: new Map(), enabled, waitedFor: [] });

const worldOf = (workflows: readonly Workflow[], more: Partial<SignalWorld> = {}): SignalWorld => ({
  positions: new Map(),
  organizations: new Map([[ORGANIZATION, organizationOf(workflows)]]),
  contacts: new Map([[CONTACT.id, CONTACT]]),
  ...more,
});

const signal = (more: Partial<ContactSignal> = {}): ContactSignal => ({
  kind: 'contact_updated',
  organizationId: ORGANIZATION,
  contactId: CONTACT.id,
  position: { source: 'contacts.1.0', offset: 0 },
  atMs: 1_000,
  isByWorkflow: false,
  ...more,
});

describe('what happens to a contact', () => {
  it('starts the workflows that are for it, by its topic or any', () => {
    const workflows = [
      by({ type: 'topic_subscribed', topicId: 'news' }, 'news'),
      by({ type: 'topic_subscribed', topicId: 'sales' }, 'sales'),
      by({ type: 'topic_subscribed' }, 'any'),
      by({ type: 'topic_unsubscribed' }, 'un'),
      by({ type: 'contact_created' }, 'created'),
    ];
    const given = signal({ kind: 'topic_subscribed', topicId: 'news' });
    const { effects } = decideSignals([given], worldOf(workflows), tools);
    const started = [...effects.executions.values()].map(({ execution }) => execution);
    expect(started.map(({ workflowId }) => workflowId).sort()).toEqual(['any', 'news']);
    expect(started[0]!.trigger).toEqual({
      eventId: null,
      name: 'topic_subscribed',
      properties: { topicId: 'news' },
    });
  });

  it('is looked at through a filter over the contact', () => {
    const filter = (value: string) => [{ field: 'plan', operator: 'equals' as const, value }];
    const pro = by({ type: 'contact_updated', filter: filter('pro') });
    const free = by({ type: 'contact_updated', filter: filter('free') });
    expect(decideSignals([signal()], worldOf([pro]), tools).tally.effect).toBe(1);
    expect(decideSignals([signal()], worldOf([free]), tools).tally.effect).toBe(0);
    expect(pro.usesContact).toBe(true);
  });

  it('takes effect once, and not at all when a workflow did it', () => {
    const world = worldOf([by({ type: 'contact_updated' })]);
    const next = signal({ position: { source: 'contacts.1.0', offset: 1 }, isByWorkflow: true });
    const decision = decideSignals([signal(), signal(), next], world, tools);
    expect(decision.tally).toEqual({ effect: 1, no_effect: 0, seen_before: 1, by_workflow: 1, erased: 0 });
    expect(decision.positions.get('contacts.1.0')).toBe(1);
    expect(decision.effects.executions.size).toBe(1);
  });

  it('is nothing when its contact was erased since', () => {
    const decision = decideSignals(
      [signal({ isErased: true })],
      worldOf([by({ type: 'contact_updated' })]),
      tools,
    );
    expect(decision).toMatchObject({ hasEffects: false, tally: { effect: 0, erased: 1 } });
  });

  it('is matched without a look at the workflows of other topics', () => {
    const many = Array.from({ length: 1_000 }, (_, n) =>
      by({ type: 'topic_subscribed', topicId: `t${n}` }, `w${n}`),
    );
    const found = startedBySignal(organizationOf(many), { kind: 'topic_subscribed', topicId: 't7' });
    expect(found.map(({ id }) => id)).toEqual(['w7']);
  });
});

describe('a schedule', () => {
  const trigger: WorkflowTrigger = {
    type: 'schedule',
    schedule: '0 9 * * *',
    filter: [{ field: 'plan', operator: 'equals', value: 'pro' }],
  };
  const dueAtMs = Date.parse('2026-11-21T09:00:00Z');
  const contacts = ['a', 'b', 'c'].map((id) => ({
    id,
    email: `${id}@example.com`,
    properties: { plan: id === 'b' ? 'free' : 'pro' },
  }));
  const due = (workflow: Workflow) => ({ workflow, dueAtMs, nowMs: dueAtMs + 500 });

  it('starts an execution for each contact that its filter selects', () => {
    const workflow = aWorkflow([email('email', { text: '{{scheduledAt}} {{contact.email}}' })], { trigger });
    const { effects, started } = decideScheduled(due(workflow), contacts, {}, tools);
    expect(started).toBe(2);
    expect([...effects.executions.keys()]).toEqual(
      ['a', 'c'].map((id) => scheduledExecutionId(workflow.id, id, dueAtMs)),
    );
    expect(effects.actions.map(({ request }) => (request as { text: string }).text)).toEqual([
      '2026-11-21T09:00:00.000Z a@example.com',
      '2026-11-21T09:00:00.000Z c@example.com',
    ]);
  });

  it('starts a contact once who stands in a page twice, and under the same id whenever it is gone through', () => {
    const workflow = aWorkflow([mark('x')], { trigger });
    const goneThrough = () => decideScheduled(due(workflow), [...contacts, contacts[2]!], {}, tools);
    const { effects, started } = goneThrough();
    expect(started).toBe(2);
    // The store takes an id once: what is decided again does not stand.
    expect([...goneThrough().effects.executions.keys()]).toEqual([...effects.executions.keys()]);
  });

  it('keeps to the settings', () => {
    const workflow = aWorkflow([email()], { trigger, settings: { allowReentry: false } });
    const soleRuns = new Set([`${workflow.id}:a`]);
    const decision = decideScheduled(due(workflow), contacts, { soleRuns }, tools);
    expect([decision.started, decision.refused]).toEqual([1, 1]);
    expect(decision.effects.refusals).toMatchObject([{ contactId: 'a', reason: 'already_running' }]);
  });
});
