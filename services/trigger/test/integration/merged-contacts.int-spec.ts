import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@trackline/testkit';
import { contactMerges } from '../../src/adapters/postgres/contact-merges.ts';
import { settleMerges } from '../../src/pipeline/settle-contacts.ts';
import { TriggerRig, waitingWorkflow, type Tenant } from './trigger-rig.ts';

describe('executions of a merged contact', () => {
  let rig: TriggerRig;
  let tenant: Tenant;

  beforeAll(async () => {
    rig = await TriggerRig.open();
    tenant = await rig.tenant(await rig.start());
  }, 60_000);
  afterAll(async () => rig?.close(), 30_000);

  const someone = async () => ({ organizationId: tenant.organization.id, contactId: await tenant.contact() });
  /** Two people whose contacts belong to different partitions. */
  const pair = async () => {
    const from = await someone();
    for (;;) {
      const into = await someone();
      if (
        rig.partitionOf(into.organizationId, into.contactId) !==
        rig.partitionOf(from.organizationId, from.contactId)
      )
        return { from, into };
    }
  };
  const merge = async (from: string, into: string) => {
    await rig.directory.mergeContacts(tenant.organization.id, from, into);
    await rig.tellOfContacts();
    await eventually(async () => {
      const { rows } = await rig.database.query({
        text: 'SELECT FROM trigger.contact_alias WHERE contact_id = $1',
        values: [from],
      });
      return rows.length > 0;
    });
    await eventually(async () => {
      const { rows } = await rig.database.query({
        text: 'SELECT FROM trigger.execution WHERE contact_id = $1',
        values: [from],
      });
      return rows.length === 0;
    });
  };
  const runningOf = async (workflowId: string) => {
    const { rows } = await rig.database.query<{ partition: number; count: number }>({
      text: 'SELECT partition, count::int FROM trigger.running WHERE workflow_id = $1 AND count <> 0',
      values: [workflowId],
    });
    return rows;
  };

  const mergesOf = ({ database }: TriggerRig) =>
    contactMerges(database, (of) => rig.partitionOf(of.organizationId, of.contactId));
  const settle = async () => {
    const faults: unknown[] = [];
    await settleMerges(mergesOf(rig), (fault) => faults.push(fault));
    expect(faults).toEqual([]);
  };

  it('go on under the one that stayed: resumed by its events, and by late ones of the other', async () => {
    const workflowId = await tenant.create(waitingWorkflow('invited', 'came'));
    const { from, into } = await pair();
    const [first, second] = [await pair(), await pair()].map((two) => two.from);
    await rig.track(rig.event({ ...from, name: 'invited' }));
    await merge(from.contactId, into.contactId);
    expect(await runningOf(workflowId)).toEqual([
      { partition: rig.partitionOf(into.organizationId, into.contactId), count: 1 },
    ]);
    expect(await rig.executionOf(tenant.call, workflowId, into.contactId)).toMatchObject({
      status: 'waiting',
    });
    expect(await rig.executionOf(tenant.call, workflowId, from.contactId)).toMatchObject({
      contactId: into.contactId,
    });
    expect(await rig.track(rig.event({ ...into, name: 'came' }))).toMatchObject({ executionsResumed: 1 });

    await rig.track(rig.event({ ...first!, name: 'invited' }));
    await merge(first!.contactId, second!.contactId);
    expect(await rig.track(rig.event({ ...first!, name: 'came' }))).toMatchObject({ executionsResumed: 1 });
    expect(await runningOf(workflowId)).toEqual([]);
    // Who comes late starts for the one that stayed.
    expect(await rig.track(rig.event({ ...first!, name: 'invited' }))).toMatchObject({
      workflowsTriggered: 1,
    });
    expect(await rig.track(rig.event({ ...second!, name: 'came' }))).toMatchObject({ executionsResumed: 1 });
  });

  it('time out by their deadline, and follow a chain', async () => {
    const workflowId = await tenant.create(waitingWorkflow('called', 'answered', 1));
    const { from, into } = await pair();
    const last = await someone();
    await rig.track(rig.event({ ...from, name: 'called' }));
    await merge(from.contactId, into.contactId);
    await merge(into.contactId, last.contactId);
    await rig.decidedUpTo(Date.now() + 60_000);
    await eventually(async () => {
      const execution = await rig.executionOf(tenant.call, workflowId, last.contactId);
      return execution.status === 'cancelled' && execution.reason === 'never came';
    });
    const { rows } = await rig.database.query({
      text: 'SELECT into_id FROM trigger.contact_alias WHERE contact_id = ANY ($1::uuid[])',
      values: [[from.contactId, into.contactId]],
    });
    expect(rows).toEqual([{ into_id: last.contactId }, { into_id: last.contactId }]);
  });

  it('that allow no other beside them go on side by side', async () => {
    const workflowId = await tenant.create({
      ...waitingWorkflow('single', 'paired'),
      settings: { allowReentry: false },
    });
    const { from, into } = await pair();
    for (const about of [from, into]) await rig.track(rig.event({ ...about, name: 'single' }));
    await merge(from.contactId, into.contactId);
    expect(await rig.track(rig.event({ ...into, name: 'single' }))).toMatchObject({ workflowsTriggered: 0 });
    expect(await rig.track(rig.event({ ...into, name: 'paired' }))).toMatchObject({ executionsResumed: 2 });
    expect(await runningOf(workflowId)).toEqual([]);
  });

  it('follow a chain whose merges are told at the same time', async () => {
    const organizationId = tenant.organization.id;
    const merges = mergesOf(rig);
    const chains = Array.from({ length: 50 }, () => Array.from({ length: 4 }, () => randomUUID()));
    for (const [a, b, c, d] of chains) {
      const told = [
        { organizationId, contactId: a!, into: b! },
        { organizationId, contactId: c!, into: d! },
        { organizationId, contactId: b!, into: c! },
      ];
      await Promise.all(told.map((merge) => merges.merge(merge)));
    }
    const { rows } = await rig.database.query<{ contact_id: string; into_id: string }>({
      text: `SELECT contact_id, into_id FROM trigger.contact_alias WHERE contact_id = ANY ($1::uuid[])`,
      values: [chains.flat()],
    });
    const into = new Map(rows.map((row) => [row.contact_id, row.into_id]));
    for (const [a, b, c, d] of chains) expect([a!, b!, c!].map((id) => into.get(id))).toEqual([d, d, d]);
  }, 30_000);

  it('that were stored by somebody who did not know of the merge follow a minute later', async () => {
    const workflowId = await tenant.create(waitingWorkflow('missed', 'caught'));
    const { from, into } = await pair();
    await rig.track(rig.event({ ...from, name: 'missed' }));
    await rig.database.query({
      text: `INSERT INTO trigger.contact_alias (organization_id, contact_id, into_id, merged_at)
             VALUES ($1, $2, $3, now() - interval '61 seconds')`,
      values: [from.organizationId, from.contactId, into.contactId],
    });
    await settle();
    expect(await rig.track(rig.event({ ...into, name: 'caught' }))).toMatchObject({ executionsResumed: 1 });
    expect(await runningOf(workflowId)).toEqual([]);
  });

  it('that follow so late to somebody who was erased have the erasure looked at again', async () => {
    const { from, into } = await pair();
    const about = [from.organizationId, into.contactId];
    await rig.database.query({
      text: `INSERT INTO trigger.contact_erasure (organization_id, contact_id, erased_at, settled)
             VALUES ($1, $2, now() - interval '1 hour', true)`,
      values: about,
    });
    await rig.database.query({
      text: `INSERT INTO trigger.contact_alias (organization_id, contact_id, into_id, merged_at)
             VALUES ($1, $3, $2, now() - interval '61 seconds')`,
      values: [...about, from.contactId],
    });
    await settle();
    expect(await rig.count(`contact_erasure WHERE contact_id = '${into.contactId}' AND NOT settled`)).toBe(1);
  });
});
