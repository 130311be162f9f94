import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMITTED, encodeAdmitted, REDRIVE_GROUP, type AdmittedEvent } from '@trackline/contracts';
import { endOffsets } from '@trackline/kafka';
import { eventually } from '@trackline/testkit';
import { retention } from '../../src/adapters/postgres/retention.ts';
import type { RunningTrigger } from '../../src/start-trigger.ts';
import { TriggerRig, waitingWorkflow, type Tenant } from './trigger-rig.ts';

describe('an event that went to the dead letters', () => {
  let rig: TriggerRig;
  let trigger: RunningTrigger;
  let tenant: Tenant;

  beforeAll(async () => {
    rig = await TriggerRig.open();
    trigger = await rig.start();
    tenant = await rig.tenant(trigger);
    const body = waitingWorkflow('bought', 'paid');
    const { status, text } = await tenant.call('POST', '/v1/workflows?enable=true', { body });
    if (status !== 201) throw new Error(text);
  }, 60_000);
  afterAll(async () => rig?.close(), 30_000);

  const contactEvent = async (): Promise<AdmittedEvent> => {
    const about = { organizationId: tenant.organization.id, contactId: await tenant.contact() };
    return rig.event({ ...about, name: 'bought' });
  };

  /** An event that cannot be read, in the partition and at the position of one that can. */
  const bury = async (event: AdmittedEvent): Promise<void> => {
    const before = await rig.count('dead_letter');
    await rig.publishAs(event, encodeAdmitted({ ...event, contactId: 'nobody' }));
    await eventually(async () => (await rig.count('dead_letter')) === before + 1);
  };

  it('has its effect when it is sent back, once, and only to this group', async () => {
    const event = await contactEvent();
    await bury(event);
    const executions = await rig.count('execution');
    await rig.sendBack(event, 'timeline');
    await rig.sendBack(event, 'trigger');
    expect(await rig.outcomeOf(event)).toMatchObject({ workflowsTriggered: 1 });
    await rig.sendBack(event, 'trigger');
    await rig.track(
      rig.event({ ...event, name: 'other', position: rig.nextPosition(event), replyTo: '1/after' }),
    );
    expect(await rig.count('execution')).toBe(executions + 1);
    expect(await rig.count('dead_letter')).toBe(0);
  });

  it('has no second effect when it had one, whatever is sent back', async () => {
    const event = await contactEvent();
    expect(await rig.track(event)).toMatchObject({ workflowsTriggered: 1 });
    const executions = await rig.count('execution');
    await rig.sendBack(event, 'trigger');
    await rig.track(
      rig.event({ ...event, name: 'other', position: rig.nextPosition(event), replyTo: '1/after2' }),
    );
    expect(await rig.count('execution')).toBe(executions);
  });

  it('leaves its row also when its batch holds nothing else, and does not keep later events back', async () => {
    const event = await contactEvent();
    await bury(event);
    const later = rig.event({
      ...event,
      eventId: crypto.randomUUID(),
      position: rig.nextPosition(event),
      replyTo: '1/later',
    });
    expect(await rig.track(later)).toMatchObject({ workflowsTriggered: 1 });
    expect(await rig.count('dead_letter')).toBe(1);
  });

  it('is a new letter when it is sent back in vain: its days begin anew', async () => {
    await rig.database.query({ text: 'DELETE FROM trigger.dead_letter' });
    const event = await contactEvent();
    await bury(event);
    await rig.database.query({
      text: `UPDATE trigger.dead_letter SET buried_at = now() - interval '59 days'`,
    });
    const { headers, ...message } = encodeAdmitted({ ...event, contactId: 'nobody' });
    await rig.publishAs(event, { ...message, headers: { ...headers, [REDRIVE_GROUP]: 'trigger' } });
    const old = `dead_letter WHERE buried_at < now() - interval '1 day'`;
    await eventually(async () => (await rig.count(old)) === 0, { withinMs: 30_000 });
    expect(await rig.count('dead_letter')).toBe(1);
    await rig.sendBack(event, 'trigger');
    expect(await rig.outcomeOf(event)).toMatchObject({ workflowsTriggered: 1 });
    expect(await rig.count('dead_letter')).toBe(0);
  }, 60_000);

  it('is forgotten long after the broker was to delete its message, which it does by whole segments', async () => {
    await rig.database.query({ text: 'DELETE FROM trigger.dead_letter' });
    await rig.database.query({
      text: `INSERT INTO trigger.dead_letter (topic, partition, source, source_offset, buried_at)
             SELECT 'events.admitted.v1', 0, 'received.1.0', 1000000 + age, now() - age * interval '1 day' FROM generate_series(57, 63) AS age`,
    });
    const { purgeForgotten } = retention(rig.database);
    // In pages, so that no deletion holds anybody up.
    expect(await purgeForgotten(2)).toBe(2);
    await eventually(async () => (await purgeForgotten(2)) < 2);
    expect(await rig.count('dead_letter')).toBe(3);
    await rig.database.query({ text: 'DELETE FROM trigger.dead_letter' });
  });

  it('is no reason for timers to wait, nor is a message that was sent back to another group', async () => {
    const event = await contactEvent();
    await bury(event);
    await rig.sendBack(event, 'timeline');
    const ends = await endOffsets(rig.connection, ADMITTED);
    const partition = rig.partitionOf(event.organizationId, event.contactId);
    expect(ends.get(partition)).toBeGreaterThan(0);
    const body = waitingWorkflow('asked', 'answered', 1);
    await tenant.call('POST', '/v1/workflows?enable=true', { body });
    const asked = rig.event({
      ...event,
      name: 'asked',
      position: rig.nextPosition(event),
      replyTo: '1/asked',
    });
    await rig.track(asked);
    await rig.sendBack(event, 'timeline');
    await eventually(async () => {
      await rig.decidedUpTo(Date.now());
      return (await rig.count(`execution WHERE status = 'cancelled'`)) === 1;
    });
  });
});
