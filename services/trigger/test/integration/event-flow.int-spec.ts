import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@trackline/testkit';
import type { RunningTrigger } from '../../src/start-trigger.ts';
import { TriggerRig, waitingWorkflow, type Tenant } from './trigger-rig.ts';

describe('an event on its way through the trigger', () => {
  let rig: TriggerRig;
  let trigger: RunningTrigger;
  let tenant: Tenant;

  beforeAll(async () => {
    rig = await TriggerRig.open();
    trigger = await rig.start();
    tenant = await rig.tenant(trigger);
  }, 60_000);
  afterAll(async () => rig?.close(), 30_000);

  const create = async (definition: object) => {
    const { status, json, text } = await tenant.call('POST', '/v1/workflows?enable=true', {
      body: definition,
    });
    if (status !== 201) throw new Error(text);
    return json.id as string;
  };

  it('starts an execution, which waits, and the second event resumes it down "yes"', async () => {
    const workflowId = await create(waitingWorkflow('signed_up', 'activated'));
    const about = { organizationId: tenant.organization.id, contactId: await tenant.contact() };

    const started = await rig.track(rig.event({ ...about, name: 'signed_up' }));
    expect(started).toMatchObject({ verdict: 'admitted', workflowsTriggered: 1, executionsResumed: 0 });
    expect(await rig.executionOf(tenant.call, workflowId, about.contactId)).toMatchObject({
      status: 'waiting',
      steps: [{ id: 'wait', status: 'waiting' }],
    });

    const resumed = await rig.track(rig.event({ ...about, name: 'activated', properties: '{"plan":"pro"}' }));
    expect(resumed).toMatchObject({ workflowsTriggered: 0, executionsResumed: 1 });
    expect(await rig.executionOf(tenant.call, workflowId, about.contactId)).toMatchObject({
      status: 'completed',
      steps: [
        { id: 'wait', status: 'completed', branch: 'yes' },
        { id: 'mark', status: 'completed' },
      ],
    });
    const contact = await rig.directory.getContact(about.organizationId, about.contactId);
    expect(contact?.properties).toEqual({ marks: 1 });
    await eventually(() => rig.count('outbox').then((count) => count === 0));
  });
});
