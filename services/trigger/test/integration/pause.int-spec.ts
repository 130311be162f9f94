import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '@trackline/testkit';
import type { RunningTrigger } from '../../src/start-trigger.ts';
import { TriggerRig, waitingWorkflow, type Tenant } from './trigger-rig.ts';

describe('a workflow that is', () => {
  let rig: TriggerRig;
  let trigger: RunningTrigger;
  let tenant: Tenant;

  beforeAll(async () => {
    rig = await TriggerRig.open();
    trigger = await rig.start();
    tenant = await rig.tenant(trigger);
  }, 60_000);
  afterAll(async () => rig?.close(), 30_000);

  const someone = async () => ({ organizationId: tenant.organization.id, contactId: await tenant.contact() });
  const set = async (workflowId: string, verb: string) => {
    const { status, json, text } = await tenant.call('POST', `/v1/workflows/${workflowId}/${verb}`);
    if (status !== 200) throw new Error(text);
    return json;
  };
  const reached = (workflowId: string, contactId: string, status: string) =>
    eventually(async () => {
      const execution = await rig.executionOf(tenant.call, workflowId, contactId);
      return execution.status === status && execution;
    });

  it('paused starts nothing, and loses nothing: what its executions waited for is kept until it goes on', async () => {
    const workflowId = await tenant.create(waitingWorkflow('joined', 'confirmed', 5));
    const [early, late, silent] = [await someone(), await someone(), await someone()];
    for (const about of [early, late, silent])
      await rig.track(rig.event({ ...about, name: 'joined', receivedAtMs: Date.now() - 6_000 }));
    expect(await set(workflowId, 'pause')).toMatchObject({ status: 'paused' });

    expect(await rig.track(rig.event({ ...early, name: 'joined' }))).toMatchObject({ workflowsTriggered: 0 });
    const inTime = { name: 'confirmed', receivedAtMs: Date.now() - 5_000 };
    expect(await rig.track(rig.event({ ...early, ...inTime }))).toMatchObject({ executionsResumed: 1 });
    const held = await rig.executionOf(tenant.call, workflowId, early.contactId);
    expect(held).toMatchObject({ status: 'paused', steps: [{ id: 'wait', branch: 'yes' }] });

    await rig.decidedUpTo(Date.now());
    await reached(workflowId, silent.contactId, 'paused');
    expect(await rig.track(rig.event({ ...late, name: 'confirmed' }))).toMatchObject({
      executionsResumed: 0,
    });

    expect(await set(workflowId, 'enable')).toMatchObject({ status: 'enabled' });
    expect(await reached(workflowId, early.contactId, 'completed')).toMatchObject({
      steps: [{ id: 'wait', branch: 'yes' }, { id: 'mark' }],
    });
    for (const { contactId } of [late, silent])
      expect(await reached(workflowId, contactId, 'cancelled')).toMatchObject({ reason: 'never came' });
    const contact = await rig.directory.getContact(early.organizationId, early.contactId);
    expect(contact?.properties).toEqual({ marks: 1 });
  });

  it('archived starts nothing, and its running executions are cancelled, held ones too', async () => {
    const workflowId = await tenant.create(waitingWorkflow('applied', 'hired'));
    const [waiting, heldBack] = [await someone(), await someone()];
    for (const about of [waiting, heldBack]) await rig.track(rig.event({ ...about, name: 'applied' }));
    await set(workflowId, 'pause');
    await rig.track(rig.event({ ...heldBack, name: 'hired' }));
    await set(workflowId, 'archive');
    for (const { contactId } of [waiting, heldBack])
      expect(await reached(workflowId, contactId, 'cancelled')).toMatchObject({
        reason: 'the workflow was archived',
      });
    expect(await rig.track(rig.event({ ...waiting, name: 'applied' }))).toMatchObject({
      workflowsTriggered: 0,
    });
    expect(await rig.track(rig.event({ ...waiting, name: 'hired' }))).toMatchObject({ executionsResumed: 0 });
    const { rows } = await rig.database.query({
      text: `SELECT FROM trigger.timer t JOIN trigger.execution e ON e.id = t.execution_id WHERE e.workflow_id = $1`,
      values: [workflowId],
    });
    expect(rows).toEqual([]);
    for (const verb of ['enable', 'pause'])
      expect((await tenant.call('POST', `/v1/workflows/${workflowId}/${verb}`)).json.code).toBe('CONFLICT');
  });

  it('enabled again while it is touched forgets none of its executions', async () => {
    const workflowId = await tenant.create(waitingWorkflow('entered', 'rang', 3_600));
    const people = await Promise.all(Array.from({ length: 30 }, someone));
    await rig.admit(...people.map((about) => rig.event({ ...about, name: 'entered' })));
    for (const { contactId } of people) await reached(workflowId, contactId, 'waiting');
    const rings = people.map((about) => rig.event({ ...about, name: 'rang' }));
    const toggling = (async () => {
      for (let i = 0; i < 10; i++) {
        await set(workflowId, i % 2 === 0 ? 'pause' : 'enable');
        await pause(20);
      }
    })();
    for (const ring of rings) {
      await rig.admit(ring);
      await pause(5);
    }
    await toggling;
    for (const { contactId } of people) await reached(workflowId, contactId, 'completed');
  }, 30_000);

  it('archived cancels whoever runs, however many they are', async () => {
    const workflowId = await tenant.create(waitingWorkflow('crowded', 'emptied'));
    const about = await someone();
    await rig.track(rig.event({ ...about, name: 'crowded' }));
    // More than one chunk of turns: copies of the one execution, as many contacts.
    await rig.database.query({
      text: `WITH copies AS (
               INSERT INTO trigger.execution (id, organization_id, workflow_id, workflow_version, contact_id, partition, status,
                 step_id, visits, revision, waits_for, due_at, entered_at, trigger, resumes, started_at, moved_at, sole)
               SELECT gen_random_uuid(), organization_id, workflow_id, workflow_version, gen_random_uuid(), partition, status,
                 step_id, visits, revision, waits_for, due_at, entered_at, trigger, resumes, started_at, moved_at, sole
               FROM trigger.execution, generate_series(1, 2300) WHERE workflow_id = $1 RETURNING *
             )
             INSERT INTO trigger.wait SELECT organization_id, contact_id, waits_for[1], id FROM copies`,
      values: [workflowId],
    });
    await set(workflowId, 'archive');
    await eventually(
      async () => {
        const { rows } = await rig.database.query({
          text: 'SELECT FROM trigger.execution WHERE workflow_id = $1 AND ended_at IS NULL LIMIT 1',
          values: [workflowId],
        });
        return rows.length === 0;
      },
      { withinMs: 30_000 },
    );
    expect([await rig.count('turn_round'), await rig.count('wait')]).toEqual([0, 0]);
  }, 40_000);
});
