import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, FaultProxy, seededRandom } from '@trackline/testkit';
import type { RunningTrigger } from '../../src/start-trigger.ts';
import { TriggerRig, waitingWorkflow, type Tenant } from './trigger-rig.ts';

const SEED = 20_261_120;

describe('a database', () => {
  let rig: TriggerRig;
  let proxy: FaultProxy;
  let trigger: RunningTrigger;
  let tenant: Tenant;

  beforeAll(async () => {
    rig = await TriggerRig.open();
    const url = new URL(rig.databaseUrl);
    proxy = new FaultProxy({ host: url.hostname, port: Number(url.port) }, seededRandom(SEED));
    url.host = `127.0.0.1:${await proxy.listen()}`;
    trigger = await rig.start({ DATABASE_URL: url.toString() });
    tenant = await rig.tenant(trigger);
  }, 60_000);
  afterAll(async () => {
    proxy.set({});
    await rig.close();
    await proxy.close();
  }, 30_000);

  const someone = async () => ({ organizationId: tenant.organization.id, contactId: await tenant.contact() });

  it('that is away makes callers come again and events wait', async () => {
    const workflowId = await tenant.create(waitingWorkflow('left', 'returned'));
    const about = await someone();
    proxy.set({ away: true });
    const event = rig.event({ ...about, name: 'left' });
    await rig.admit(event);
    for (const [method, path] of [
      ['GET', '/v1/workflows'],
      ['POST', `/v1/workflows/${workflowId}/pause`],
    ] as const)
      expect(await tenant.call(method, path)).toMatchObject({ status: 503, json: { code: 'UNAVAILABLE' } });
    expect((await tenant.call('GET', '/health/ready')).json.parts).toMatchObject({ postgres: 'not_ready' });
    expect((await tenant.call('GET', '/health/live')).status).toBe(200);
    proxy.set({});
    expect(await rig.outcomeOf(event)).toMatchObject({ workflowsTriggered: 1 });
    await eventually(async () => (await tenant.call('GET', '/health/ready')).status === 200);
  }, 30_000);

  it('or loses replies, also that of a commit: each event has its effect once, and its answer', async () => {
    await tenant.create(waitingWorkflow('dropped', 'caught'));
    const people = await Promise.all(Array.from({ length: 10 }, someone));
    proxy.set({ cutReplyRatio: 0.02 });
    const before = proxy.counts.repliesCut;
    let rounds = 0;
    const sent = [];
    for (; proxy.counts.repliesCut < before + 8 && rounds < 300; rounds++) {
      const events = people.flatMap((about) =>
        ['dropped', 'caught'].map((name) => rig.event({ ...about, name })),
      );
      sent.push(...events);
      await rig.admit(...events);
      if (rounds % 5 === 4) await rig.outcomeOf(events.at(-1)!, 30_000);
    }
    proxy.set({});
    expect(proxy.counts.repliesCut).toBeGreaterThanOrEqual(before + 8);
    for (const event of sent) {
      const counts = event.name === 'dropped' ? [1, 0] : [0, 1];
      const { workflowsTriggered, executionsResumed } = await rig.outcomeOf(event, 30_000);
      expect([workflowsTriggered, executionsResumed]).toEqual(counts);
    }
    for (const { organizationId, contactId } of people) {
      const contact = await rig.directory.getContact(organizationId, contactId);
      expect(contact?.properties).toEqual({ marks: rounds });
    }
    await eventually(async () => (await rig.count('outbox')) === 0);
  }, 60_000);
});
