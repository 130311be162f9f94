import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, uniqueName } from '@trackline/testkit';
import type { RunningTrigger } from '../../src/start-trigger.ts';
import { TriggerRig, type Tenant } from './trigger-rig.ts';

interface Run {
  due_at: Date;
  started: number;
  refused: number;
  finished_at: Date | null;
}

describe('a workflow with a schedule', () => {
  let rig: TriggerRig;
  let instances: RunningTrigger[];

  beforeAll(async () => {
    rig = await TriggerRig.open();
    instances = [await rig.start(), await rig.start(), await rig.start()];
  }, 90_000);
  afterAll(async () => rig?.close(), 30_000);

  const YEARLY = '0 0 1 1 *';
  const weekly = (schedule = YEARLY, more: object = {}) => ({
    name: 'on time',
    trigger: { type: 'schedule', schedule, timezone: 'Europe/Madrid', ...more },
    steps: [{ id: 'wait', type: 'wait_for_event', config: { eventName: 'answered' } }],
    settings: { maxConcurrentExecutions: 100_000 },
  });
  const people = async ({ organization }: Tenant, count: number, level: string) => {
    const items = Array.from({ length: count }, () => ({
      externalId: uniqueName('person'),
      properties: { level },
    }));
    await rig.directory.upsertContacts(organization.id, items);
  };
  const makeDue = async (workflowId: string, agoMs: number): Promise<Date> => {
    const dueAt = new Date(Date.now() - agoMs);
    await rig.database.query({
      text: 'UPDATE trigger.schedule SET due_at = $2 WHERE workflow_id = $1',
      values: [workflowId, dueAt],
    });
    return dueAt;
  };
  const dueAt = async (workflowId: string): Promise<Date | undefined> => {
    const { rows } = await rig.database.query<{ due_at: Date }>({
      text: 'SELECT due_at FROM trigger.schedule WHERE workflow_id = $1',
      values: [workflowId],
    });
    return rows[0]?.due_at;
  };
  const runs = async (workflowId: string): Promise<Run[]> => {
    const { rows } = await rig.database.query<Run>({
      text: 'SELECT due_at, started, refused, finished_at FROM trigger.schedule_run WHERE workflow_id = $1 ORDER BY due_at',
      values: [workflowId],
    });
    return rows;
  };
  const finished = (workflowId: string, count = 1) =>
    eventually(
      async () => {
        const all = await runs(workflowId);
        return all.length === count && all.every(({ finished_at }) => finished_at !== null) && all;
      },
      { withinMs: 20_000 },
    );
  const startedPerContact = async (workflowId: string) => {
    const { rows } = await rig.database.query<{ contacts: number; executions: number }>({
      text: `SELECT count(DISTINCT contact_id)::int AS contacts, count(*)::int AS executions
             FROM trigger.execution WHERE workflow_id = $1`,
      values: [workflowId],
    });
    return rows[0];
  };

  it('starts once for each contact that its filter selects, however many instances look', async () => {
    const tenant = await rig.tenant(instances[0]!);
    await people(tenant, 430, 'gold');
    await people(tenant, 250, 'tin');
    const filter = [{ field: 'level', operator: 'equals', value: 'gold' }];
    const workflowId = await tenant.create(weekly(YEARLY, { filter }));
    const due = await makeDue(workflowId, 1_000);
    expect(await finished(workflowId)).toMatchObject([{ due_at: due, started: 430, refused: 0 }]);
    expect(await startedPerContact(workflowId)).toEqual({ contacts: 430, executions: 430 });
    const next = (await dueAt(workflowId))!;
    expect(next.toISOString()).toMatch(/-12-31T23:00:00.000Z$/);
    const { json } = await tenant.call('GET', `/v1/workflows/${workflowId}/executions?limit=1`);
    const about = { organizationId: tenant.organization.id, contactId: json.items[0].contactId };
    expect(await rig.track(rig.event({ ...about, name: 'answered' }))).toMatchObject({
      executionsResumed: 1,
    });
  }, 40_000);

  it('goes on where a run stopped, and starts nobody twice', async () => {
    const tenant = await rig.tenant(instances[0]!);
    await people(tenant, 250, 'gold');
    const workflowId = await tenant.create(weekly());
    const page = await rig.directory.findContacts(tenant.organization.id, { limit: 200 });
    const due = new Date(Date.now() - 5_000);
    // As an instance leaves it that died after its first page; what it had started is there.
    await rig.database.query({
      text: `INSERT INTO trigger.schedule_run (workflow_id, due_at, organization_id, cursor, started, claimed_until)
             VALUES ($1, $2, $3, $4, 200, now())`,
      values: [workflowId, due, tenant.organization.id, page.nextCursor],
    });
    expect(await finished(workflowId)).toMatchObject([{ started: 250 }]);
    expect(await startedPerContact(workflowId)).toEqual({ contacts: 50, executions: 50 });
    await makeDue(workflowId, 5_000);
    await rig.database.query({
      text: 'UPDATE trigger.schedule SET due_at = $2 WHERE workflow_id = $1',
      values: [workflowId, due],
    });
    await eventually(async () => (await dueAt(workflowId))!.getTime() > Date.now());
    expect((await runs(workflowId)).filter(({ due_at }) => due_at.getTime() === due.getTime())).toHaveLength(
      1,
    );
  }, 40_000);

  it('catches up with the last due time that it missed, and passes over what came too long ago', async () => {
    const tenant = await rig.tenant(instances[0]!);
    await people(tenant, 3, 'gold');
    const often = await tenant.create(weekly('*/10 * * * *'));
    await makeDue(often, 35 * 60_000);
    const [run] = await finished(often);
    expect(run!.due_at.getTime()).toBe(Math.floor(Date.now() / 600_000) * 600_000);
    expect(await startedPerContact(often)).toEqual({ contacts: 3, executions: 3 });

    const seldom = await tenant.create(weekly());
    await makeDue(seldom, 61 * 60_000);
    await eventually(async () => (await dueAt(seldom))!.getTime() > Date.now());
    expect(await runs(seldom)).toEqual([]);
  }, 40_000);

  it('has a due time while it is enabled, and its own', async () => {
    const tenant = await rig.tenant(instances[0]!);
    const workflowId = await tenant.create(weekly());
    const first = await dueAt(workflowId);
    const at = `/v1/workflows/${workflowId}`;
    await tenant.call('POST', `${at}/pause`);
    expect(await dueAt(workflowId)).toBeUndefined();
    await tenant.call('POST', `${at}/enable`);
    expect(await dueAt(workflowId)).toEqual(first);
    await tenant.call('PUT', at, { body: { ...weekly('0 12 1 1 *') } });
    expect((await dueAt(workflowId))!.getTime() - first!.getTime()).toBe(12 * 3_600_000);
    await tenant.call('PUT', at, { body: { ...weekly(), trigger: { type: 'api' } } });
    expect(await dueAt(workflowId)).toBeUndefined();
    const refused = await tenant.call('POST', '/v1/workflows', { body: weekly('every day') });
    expect(refused).toMatchObject({ status: 422, json: { details: [{ path: '/trigger/schedule' }] } });
  });
});
