import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CONTACTS, encodeContactChange, type ContactChange } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import { eventually } from '@trackline/testkit';
import { TriggerRig, waitingWorkflow, type Tenant } from './trigger-rig.ts';

describe('a contact that is erased', () => {
  let rig: TriggerRig;
  let tenant: Tenant;

  beforeAll(async () => {
    rig = await TriggerRig.open();
    tenant = await rig.tenant(await rig.start());
  }, 60_000);
  afterAll(async () => rig?.close(), 30_000);

  const someone = async () => ({ organizationId: tenant.organization.id, contactId: await tenant.contact() });
  const tell = (about: Partial<ContactChange> & Pick<ContactChange, 'contactId' | 'change'>) => {
    const change = { id: uuidv7(), organizationId: tenant.organization.id, atMs: Date.now(), ...about };
    return rig.publish(CONTACTS, [encodeContactChange(change)]);
  };
  const erase = async (contactId: string) => {
    await rig.directory.deleteContact(tenant.organization.id, contactId);
    await rig.tellOfContacts();
  };
  const ended = (workflowId: string, contactId: string, count = 1) =>
    eventually(async () => {
      const { rows } = await rig.database.query<{ status: string }>({
        text: `SELECT status FROM trigger.execution WHERE workflow_id = $1 AND contact_id = $2 AND ended_at IS NOT NULL`,
        values: [workflowId, contactId],
      });
      return rows.length === count;
    });
  const SECRET = 'a secret of hers';
  const secret = (more: object = {}) => JSON.stringify({ note: SECRET, ...more });
  /** In all rows of these tables together, as text. */
  const written = async () => {
    const { rows } = await rig.database.query<{ all: string }>({
      text: `SELECT concat((SELECT string_agg(e::text, '') FROM trigger.execution e), (SELECT string_agg(s::text, '') FROM trigger.step s),
               (SELECT string_agg(r::text, '') FROM trigger.remembered r)) AS all`,
    });
    return rows[0]!.all;
  };

  it('has no executions any more: they are cancelled and say why, and their waits and timers are gone', async () => {
    const workflowId = await tenant.create(waitingWorkflow('joined', 'left'));
    const [her, him] = [await someone(), await someone()];
    for (const about of [her, her, him]) await rig.track(rig.event({ ...about, name: 'joined' }));
    await erase(her.contactId);
    await ended(workflowId, her.contactId, 2);
    const { json } = await tenant.call(
      'GET',
      `/v1/workflows/${workflowId}/executions?contactId=${her.contactId}`,
    );
    expect(json.items).toMatchObject(
      Array.from({ length: 2 }, () => ({
        status: 'cancelled',
        reason: 'the contact was erased',
        steps: [{ id: 'wait', status: 'cancelled' }],
      })),
    );
    const { rows } = await rig.database.query({
      text: `SELECT (SELECT count(*)::int FROM trigger.wait WHERE execution_id = e.id) AS waits,
               (SELECT count(*)::int FROM trigger.timer WHERE execution_id = e.id) AS timers
             FROM trigger.execution e WHERE contact_id = $1`,
      values: [her.contactId],
    });
    expect(rows).toEqual(Array.from({ length: 2 }, () => ({ waits: 0, timers: 0 })));
    const { json: counts } = await tenant.call('GET', `/v1/workflows/${workflowId}/statistics`);
    expect(counts).toMatchObject({ running: { waiting: 1 }, cancelled: 2 });
    expect(await rig.executionOf(tenant.call, workflowId, him.contactId)).toMatchObject({
      status: 'waiting',
    });
    expect(await rig.track(rig.event({ ...him, name: 'left' }))).toMatchObject({ executionsResumed: 1 });
  }, 60_000);

  it('leaves nothing of what its events said, running or ended', async () => {
    const ask = { id: 'ask', type: 'condition', config: { field: 'note', operator: 'is_set' } };
    const look = {
      id: 'look',
      type: 'wait_for_event',
      config: { eventName: 'told.more', lookbackSeconds: 60 },
    };
    const workflowId = await tenant.create({
      name: 'reads all',
      trigger: { type: 'event', eventName: 'told' },
      steps: [
        {
          ...ask,
          branches: {
            yes: [
              {
                ...look,
                branches: { yes: [{ id: 'd', type: 'delay', config: { amount: 1, unit: 'days' } }] },
              },
            ],
          },
        },
      ],
    });
    const failing = await tenant.create({
      name: 'fails',
      trigger: { type: 'event', eventName: 'told' },
      steps: [{ ...ask, branches: { yes: [{ id: 'end', type: 'exit', config: { markAs: 'failed' } }] } }],
    });
    const her = await someone();
    await rig.track(rig.event({ ...her, name: 'told.more', properties: secret() }));
    await rig.track(rig.event({ ...her, name: 'told', properties: secret() }));
    expect(await written()).toContain(SECRET);
    // As a fault leaves it, whose text quotes what it stumbled over.
    await rig.database.query({
      text: `UPDATE trigger.step SET detail = jsonb_build_object('reason', $2::text) WHERE execution_id IN (
               SELECT id FROM trigger.execution WHERE workflow_id = $1)`,
      values: [failing, `cannot read "${SECRET}"`],
    });
    await erase(her.contactId);
    await ended(workflowId, her.contactId);
    await eventually(async () => !(await written()).includes(SECRET));
    const { json } = await tenant.call(
      'GET',
      `/v1/workflows/${failing}/executions?contactId=${her.contactId}`,
    );
    expect(json.items).toMatchObject([{ status: 'failed' }]);
    expect((await tenant.call('POST', `/v1/executions/${json.items[0].id}/retry`)).json.code).toBe(
      'CONFLICT',
    );
  }, 60_000);

  it('starts and resumes nothing by events that come late, under whichever of its ids', async () => {
    const workflowId = await tenant.create(waitingWorkflow('came', 'went'));
    const [her, was] = [await someone(), await someone()];
    await tell({ contactId: was.contactId, change: 'merged', into: her.contactId });
    await eventually(async () => (await rig.count('contact_alias')) > 0);
    await erase(her.contactId);
    await eventually(async () => {
      const { rows } = await rig.database.query({
        text: 'SELECT FROM trigger.contact_erasure WHERE contact_id = $1',
        values: [her.contactId],
      });
      return rows.length > 0;
    });
    for (const about of [her, was])
      expect(await rig.track(rig.event({ ...about, name: 'came' }))).toMatchObject({ workflowsTriggered: 0 });
    const { json } = await tenant.call('GET', `/v1/workflows/${workflowId}/executions`);
    expect(json.items).toEqual([]);
  }, 60_000);

  it('starts nothing by what happened to it before, when both are heard of at once', async () => {
    const organizationId = tenant.organization.id;
    const workflowId = await tenant.create({
      ...waitingWorkflow('changed', 'written'),
      trigger: { type: 'contact_updated' },
    });
    const gone = randomUUID();
    const partition = rig.partitionOf(organizationId, gone);
    let behind = randomUUID();
    while (rig.partitionOf(organizationId, behind) !== partition) behind = randomUUID();
    const told = [
      { contactId: gone, change: 'updated' },
      { contactId: gone, change: 'erased' },
      { contactId: gone, change: 'updated' },
      { contactId: behind, change: 'updated' },
    ] as const;
    await rig.publish(
      CONTACTS,
      told.map((about) => encodeContactChange({ id: uuidv7(), organizationId, atMs: Date.now(), ...about })),
    );
    const of = (contactId: string) =>
      rig.count(`execution WHERE workflow_id = '${workflowId}' AND contact_id = '${contactId}'`);
    await eventually(async () => (await of(behind)) === 1, { withinMs: 30_000 });
    expect(await of(gone)).toBe(0);
  }, 60_000);

  it('takes those of another with it who had become it, also when that is heard of later', async () => {
    const workflowId = await tenant.create(waitingWorkflow('signed', 'paid'));
    const [was, her] = [await someone(), { organizationId: tenant.organization.id, contactId: randomUUID() }];
    await rig.track(rig.event({ ...was, name: 'signed' }));
    await tell({ contactId: her.contactId, change: 'erased' });
    await eventually(async () => {
      const { rows } = await rig.database.query({
        text: 'SELECT FROM trigger.contact_erasure WHERE contact_id = $1',
        values: [her.contactId],
      });
      return rows.length > 0;
    });
    await tell({ contactId: was.contactId, change: 'merged', into: her.contactId });
    await ended(workflowId, her.contactId);
  }, 60_000);

  it('loses what was stored by somebody who had not heard of it, a minute later', async () => {
    const workflowId = await tenant.create(waitingWorkflow('raced', 'won'));
    const her = await someone();
    await rig.track(rig.event({ ...her, name: 'raced', properties: secret() }));
    await rig.database.query({
      text: `INSERT INTO trigger.contact_erasure (organization_id, contact_id, erased_at)
             VALUES ($1, $2, now() - interval '61 seconds')`,
      values: [her.organizationId, her.contactId],
    });
    await eventually(
      async () => {
        const { rows } = await rig.database.query({
          text: `SELECT FROM trigger.execution WHERE workflow_id = $1 AND ended_at IS NOT NULL AND trigger::text NOT LIKE $2`,
          values: [workflowId, `%${SECRET}%`],
        });
        return rows.length === 1;
      },
      { withinMs: 60_000 },
    );
  }, 90_000);
});
