import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '@trackline/testkit';
import type { RunningTrigger } from '../../src/start-trigger.ts';
import { SOURCES, TriggerRig, waitingWorkflow, type Tenant } from './trigger-rig.ts';

describe('timers', () => {
  let rig: TriggerRig;
  let trigger: RunningTrigger;
  let tenant: Tenant;

  beforeAll(async () => {
    rig = await TriggerRig.open();
    trigger = await rig.start();
    tenant = await rig.tenant(trigger);
  }, 60_000);
  afterAll(async () => rig?.close(), 30_000);

  // What has been decided stays decided: each test happens after those before it.
  const minuteAgo = (minutes: number) => Date.now() - minutes * 60_000;
  const someone = async () => ({ organizationId: tenant.organization.id, contactId: await tenant.contact() });

  it('take a wait down "no" once everything received before its deadline has been decided, and not before', async () => {
    const workflowId = await tenant.create(waitingWorkflow('asked', 'answered', 1));
    const about = await someone();
    const asked = rig.event({ ...about, name: 'asked', receivedAtMs: minuteAgo(9) });
    await rig.track(asked);
    const deadlineMs = asked.receivedAtMs + 1_000;

    // Past its deadline by the clock; but nothing, then not enough, then not everything has been decided.
    await pause(300);
    await rig.decidedUpTo(deadlineMs - 1);
    await pause(200);
    await rig.decidedUpTo(deadlineMs, SOURCES.slice(1));
    await pause(300);
    expect(await rig.executionOf(tenant.call, workflowId, about.contactId)).toMatchObject({
      status: 'waiting',
    });

    await rig.decidedUpTo(deadlineMs);
    const ended = await eventually(async () => {
      const execution = await rig.executionOf(tenant.call, workflowId, about.contactId);
      return execution.status === 'cancelled' && execution;
    });
    expect(ended).toMatchObject({
      reason: 'never came',
      steps: [
        { id: 'wait', status: 'completed', branch: 'no', detail: { endedBy: 'timeout' } },
        { id: 'gave-up', status: 'completed' },
      ],
    });
    // Too late: it takes nothing.
    expect(await rig.track(rig.event({ ...about, name: 'answered' }))).toMatchObject({
      executionsResumed: 0,
    });
  });

  it('let an event win that was received before the deadline, however long the backlog', async () => {
    const workflowId = await tenant.create(waitingWorkflow('called', 'called_back', 1));
    const about = await someone();
    const called = rig.event({ ...about, name: 'called', receivedAtMs: minuteAgo(7) });
    await rig.track(called);
    await rig.decidedUpTo(called.receivedAtMs + 999);
    await pause(300);
    const back = rig.event({ ...about, name: 'called_back', receivedAtMs: called.receivedAtMs + 999 });
    expect(await rig.track(back)).toMatchObject({ executionsResumed: 1 });
    await rig.decidedUpTo(minuteAgo(6));
    expect(await rig.executionOf(tenant.call, workflowId, about.contactId)).toMatchObject({
      status: 'completed',
    });
  });

  it('wait for a backlog that stands in the own partition, too', async () => {
    const workflowId = await tenant.create(waitingWorkflow('sent', 'read', 1));
    const about = await someone();
    const sent = rig.event({ ...about, name: 'sent', receivedAtMs: minuteAgo(5) });
    await rig.track(sent);
    await rig.stop(trigger);
    // Received in time, decided, published, and nobody there to read it until long after the deadline.
    const read = rig.event({ ...about, name: 'read', receivedAtMs: sent.receivedAtMs + 999 });
    await rig.admit(read);
    await rig.decidedUpTo(minuteAgo(4));
    trigger = await rig.start();
    tenant = tenant.at(trigger);
    expect(await rig.outcomeOf(read)).toMatchObject({ executionsResumed: 1 });
    expect(await rig.executionOf(tenant.call, workflowId, about.contactId)).toMatchObject({
      status: 'completed',
    });
  }, 30_000);

  it('wait for a minute of events that stand in front of the one that ends the wait, all of them read past its deadline', async () => {
    const workflowId = await tenant.create(waitingWorkflow('invited', 'accepted', 60));
    // Each of the minute has something to do, so that timers are looked at while it is read.
    await tenant.create({ ...waitingWorkflow('noted', 'x'), steps: [{ id: 'exit', type: 'exit' }] });
    const [inTime, late] = [await someone(), await someone()];
    const invitedMs = minuteAgo(3.5);
    const deadlineMs = invitedMs + 60_000;
    for (const about of [inTime, late])
      await rig.track(rig.event({ ...about, name: 'invited', receivedAtMs: invitedMs }));
    await rig.stop(trigger);
    const minute = Array.from({ length: 1_200 }, (_, index) =>
      rig.event({ ...[inTime, late][index % 2]!, name: 'noted', receivedAtMs: invitedMs + index * 50 }),
    );
    const accepted = rig.event({ ...inTime, name: 'accepted', receivedAtMs: deadlineMs - 1 });
    const tooLate = rig.event({ ...late, name: 'accepted', receivedAtMs: deadlineMs });
    await rig.admit(...minute, accepted, tooLate);
    await rig.decidedUpTo(minuteAgo(2));
    trigger = await rig.start();
    tenant = tenant.at(trigger);
    expect(await rig.outcomeOf(accepted, 60_000)).toMatchObject({ executionsResumed: 1 });
    expect(await rig.outcomeOf(tooLate, 60_000)).toMatchObject({ executionsResumed: 0 });
    const ended = await eventually(
      async () => {
        const execution = await rig.executionOf(tenant.call, workflowId, late.contactId);
        return execution.status === 'cancelled' && execution;
      },
      { withinMs: 60_000 },
    );
    expect(ended.steps[0]).toMatchObject({ branch: 'no', detail: { endedBy: 'timeout' } });
    expect(Date.parse(ended.endedAt!)).toBeGreaterThanOrEqual(deadlineMs);
  }, 180_000);

  it('end delays by the clock alone, and the wait after a delay has its whole time', async () => {
    const workflowId = await tenant.create({
      name: 'later',
      trigger: { type: 'event', eventName: 'begun' },
      steps: [
        { id: 'pause', type: 'delay', config: { amount: 0.01, unit: 'minutes' } },
        { id: 'wait', type: 'wait_for_event', config: { eventName: 'more', timeoutSeconds: 60 } },
      ],
    });
    const about = await someone();
    const begun = rig.event({ ...about, name: 'begun' });
    await rig.track(begun);
    const waiting = await eventually(async () => {
      const execution = await rig.executionOf(tenant.call, workflowId, about.contactId);
      return execution.status === 'waiting' && execution;
    });
    const [delay, wait] = waiting.steps;
    expect(delay).toMatchObject({ id: 'pause', status: 'completed' });
    expect(Date.parse(delay!.endedAt!) - begun.receivedAtMs).toBeGreaterThanOrEqual(600);
    expect(Date.parse((wait!.detail as { until: string }).until)).toBe(Date.parse(wait!.startedAt) + 60_000);
  });

  it('fire within two seconds of their time on an idle system', async () => {
    const workflowId = await tenant.create(waitingWorkflow('rung', 'opened', 1));
    const about = await someone();
    const ticking = setInterval(() => void rig.decidedUpTo(Date.now()), 300);
    try {
      const rung = rig.event({ ...about, name: 'rung' });
      await rig.track(rung);
      const ended = await eventually(async () => {
        const execution = await rig.executionOf(tenant.call, workflowId, about.contactId);
        return execution.status === 'cancelled' && execution;
      });
      const lateMs = Date.parse(ended.endedAt!) - (rung.receivedAtMs + 1_000);
      expect(lateMs).toBeGreaterThanOrEqual(0);
      expect(lateMs).toBeLessThan(2_000);
    } finally {
      clearInterval(ticking);
    }
  });

  it('are told of while they are held up', async () => {
    const about = await someone();
    await tenant.create(waitingWorkflow('stuck', 'never', 1));
    await rig.track(rig.event({ ...about, name: 'stuck' }));
    await eventually(async () => {
      const { text } = await tenant.call('GET', '/metrics');
      return /trackline_timeouts_overdue\{[^}]*\} [1-9]/.test(text);
    });
  });
});
