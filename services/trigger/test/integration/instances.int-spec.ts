import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@trackline/testkit';
import type { RunningTrigger } from '../../src/start-trigger.ts';
import { TriggerRig, waitingWorkflow, type Tenant } from './trigger-rig.ts';

describe('two instances', () => {
  let rig: TriggerRig;
  let instances: RunningTrigger[];
  let tenant: Tenant;

  beforeAll(async () => {
    rig = await TriggerRig.open();
    instances = [await rig.start(), await rig.start()];
    tenant = await rig.tenant(instances[0]!);
  }, 60_000);
  afterAll(async () => rig?.close(), 30_000);

  const people = async (count: number) =>
    Promise.all(
      Array.from({ length: count }, async () => ({
        organizationId: tenant.organization.id,
        contactId: await tenant.contact(),
      })),
    );

  it('share the partitions, and a definition is in force on both for the next event', async () => {
    const everyone = await people(20);
    expect(
      new Set(everyone.map(({ organizationId, contactId }) => rig.partitionOf(organizationId, contactId)))
        .size,
    ).toBe(2);
    const workflowId = await tenant.create(waitingWorkflow('met', 'greeted'));
    const meet = async () => {
      const events = everyone.map((about) => rig.event({ ...about, name: 'met' }));
      await rig.admit(...events);
      return Promise.all(events.map(async (event) => (await rig.outcomeOf(event)).workflowsTriggered));
    };
    expect(await meet()).toEqual(everyone.map(() => 1));
    for (const [verb, started] of [
      ['pause', 0],
      ['enable', 1],
      ['archive', 0],
    ] as const) {
      await tenant.call('POST', `/v1/workflows/${workflowId}/${verb}`);
      expect(await meet()).toEqual(everyone.map(() => started));
    }
  }, 30_000);

  it('end each wait once, by its event or its timeout, while partitions go from one to the other', async () => {
    const workflowId = await tenant.create(waitingWorkflow('raced', 'crossed', 2));
    const everyone = await people(120);
    const starts = everyone.map((about) => rig.event({ ...about, name: 'raced' }));
    await rig.admit(...starts);
    await Promise.all(starts.map((event) => rig.outcomeOf(event)));
    const ticking = setInterval(() => void rig.decidedUpTo(Date.now()), 50);
    // Around the deadline: some received before, some after; read whenever they are read.
    const crossings = everyone.map((about, index) =>
      rig.event({
        ...about,
        name: 'crossed',
        receivedAtMs: starts[index]!.receivedAtMs + 1_940 + (index % 120),
      }),
    );
    const moving = (async () => {
      await rig.stop(instances[1]!);
      instances[1] = await rig.start();
    })();
    for (let i = 0; i < crossings.length; i += 10)
      await rig.admit(...crossings.slice(i, i + 10), ...crossings.slice(i, i + 3));
    const outcomes = await Promise.all(crossings.map((event) => rig.outcomeOf(event)));
    await moving;
    await eventually(
      async () => {
        const { rows } = await rig.database.query({
          text: `SELECT FROM trigger.execution WHERE workflow_id = $1 AND ended_at IS NULL`,
          values: [workflowId],
        });
        return rows.length === 0;
      },
      { withinMs: 20_000 },
    );
    clearInterval(ticking);
    const { rows } = await rig.database.query<{ branch: string; contact_id: string }>({
      text: `SELECT s.branch, e.contact_id FROM trigger.step s JOIN trigger.execution e ON e.id = s.execution_id
             WHERE e.workflow_id = $1 AND s.type = 'wait_for_event'`,
      values: [workflowId],
    });
    expect(rows).toHaveLength(everyone.length);
    const resumed = outcomes.reduce((sum, { executionsResumed }) => sum + executionsResumed, 0);
    expect(rows.filter(({ branch }) => branch === 'yes')).toHaveLength(resumed);
    expect(resumed).toBeGreaterThan(0);
    const contacts = await rig.directory.findContacts(tenant.organization.id, { limit: 200 });
    const marks = contacts.items.filter(({ properties }) => properties.marks !== undefined);
    expect(marks.map(({ properties }) => properties.marks)).toEqual(Array.from({ length: resumed }, () => 1));
  }, 60_000);

  it('carry out what a third left in its outbox when it died', async () => {
    const workflowId = await tenant.create({
      name: 'x',
      trigger: { type: 'api' },
      steps: [{ id: 'out', type: 'exit' }],
    });
    const [about] = await people(1);
    const { json } = await tenant.call('POST', `/v1/workflows/${workflowId}/trigger`, { body: about });
    await eventually(() => rig.progressed.some(({ executionId }) => executionId === json.executionId));
    const told = rig.progressed.find(({ executionId }) => executionId === json.executionId)!;
    await rig.database.query({
      text: `INSERT INTO trigger.outbox (id, partition, kind, body) VALUES
               ('018f0000-0000-7000-8000-000000000001', 0, 'progress', $1),
               ('018f0000-0000-7000-8000-000000000002', 1, 'contact_update', $2)`,
      values: [
        JSON.stringify({ ...told, id: 'left-over' }),
        JSON.stringify({
          organizationId: about!.organizationId,
          contactId: about!.contactId,
          cause: `${json.executionId}/gone/9`,
          updates: [{ field: 'late', operation: 'set', value: true }],
        }),
      ],
    });
    await eventually(() => rig.progressed.some(({ id }) => id === 'left-over'));
    await eventually(async () => {
      const contact = await rig.directory.getContact(about!.organizationId, about!.contactId);
      return contact?.properties.late === true;
    });
    await eventually(async () => (await rig.count('outbox')) === 0);
  }, 30_000);
});
