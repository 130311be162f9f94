import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Execution } from '@trackline/contracts';
import { retention } from '../../src/adapters/postgres/retention.ts';
import { TriggerRig, waitingWorkflow, type Tenant } from './trigger-rig.ts';

describe('executions, as their owners see them,', () => {
  let rig: TriggerRig;
  let tenant: Tenant;

  beforeAll(async () => {
    rig = await TriggerRig.open();
    tenant = await rig.tenant(await rig.start());
  }, 60_000);
  afterAll(async () => rig?.close(), 30_000);

  const someone = async () => ({ organizationId: tenant.organization.id, contactId: await tenant.contact() });
  const all = async (path: string): Promise<string[]> => {
    const ids: string[] = [];
    let cursor = '';
    do {
      const { status, json, text } = await tenant.call('GET', `${path}&limit=2${cursor}`);
      if (status !== 200) throw new Error(text);
      ids.push(...json.items.map(({ id }: Execution) => id));
      cursor = json.nextCursor === null ? '' : `&cursor=${json.nextCursor}`;
    } while (cursor !== '');
    return ids;
  };

  it('are listed newest first, by workflow, contact, status and time, and each page goes on where the last ended', async () => {
    const first = await tenant.create(waitingWorkflow('opened', 'closed'));
    const second = await tenant.create(waitingWorkflow('opened', 'shut'));
    const people = [await someone(), await someone()];
    const hour = 3_600_000;
    const startMs = Date.UTC(2026, 9, 1);
    for (let i = 0; i < 4; i++)
      await rig.track(
        rig.event({ ...people[i % 2]!, name: 'opened', receivedAtMs: startMs + Math.floor(i / 2) * hour }),
      );
    await rig.track(rig.event({ ...people[0]!, name: 'closed', receivedAtMs: startMs + 1_000 }));
    const listed = await all('/v1/executions?');
    expect(listed).toHaveLength(8);
    const executions = await Promise.all(listed.map((id) => rig.execution(tenant.call, id)));
    const keys = executions.map(({ startedAt, id }) => `${startedAt}${id}`);
    expect(keys).toEqual([...keys].sort().reverse());

    const where = (keep: (execution: Execution) => boolean) => executions.filter(keep).map(({ id }) => id);
    expect(await all(`/v1/workflows/${second}/executions?`)).toEqual(where((e) => e.workflowId === second));
    expect(await all(`/v1/executions?workflowId=${first}`)).toEqual(where((e) => e.workflowId === first));
    expect(await all(`/v1/executions?contactId=${people[0]!.contactId}`)).toEqual(
      where((e) => e.contactId === people[0]!.contactId),
    );
    expect(await all(`/v1/executions?contactId=${people[0]!.contactId}&status=completed`)).toEqual(
      where((e) => e.status === 'completed'),
    );
    expect(await all('/v1/executions?status=completed')).toHaveLength(2);
    expect(await all(`/v1/workflows/${first}/executions?status=waiting`)).toHaveLength(2);
    const later = new Date(startMs + hour).toISOString();
    expect(await all(`/v1/executions?from=${later}`)).toEqual(where((e) => e.startedAt >= later));
    expect(await all(`/v1/executions?from=2026-10-01&to=${later}`)).toEqual(
      where((e) => e.startedAt < later),
    );
    expect(await all('/v1/executions?to=2026-10-01')).toEqual([]);
    expect(await all('/v1/executions?workflowId=nothing')).toEqual([]);
    for (const query of [
      'from=yesterday',
      'to=2026-13-01',
      'from=2026-10-01T00:00',
      'cursor=abc',
      'status=ok',
    ])
      expect((await tenant.call('GET', `/v1/executions?${query}`)).status).toBe(422);
    const stranger = await rig.tenant(await rig.start());
    expect((await stranger.call('GET', `/v1/executions?workflowId=${first}`)).json.items).toEqual([]);
  });

  it('are counted by the step at which they stand, and by what happened to them', async () => {
    const workflowId = await tenant.create({
      ...waitingWorkflow('entered', 'left'),
      settings: { allowReentry: false },
    });
    const people = await Promise.all(Array.from({ length: 3 }, someone));
    for (const about of people) await rig.track(rig.event({ ...about, name: 'entered' }));
    const again = rig.event({ ...people[0]!, name: 'entered' });
    expect(await rig.track(again)).toMatchObject({ workflowsTriggered: 0 });
    expect(await rig.track(rig.event({ ...people[1]!, name: 'left' }))).toMatchObject({
      executionsResumed: 1,
    });

    const at = `/v1/workflows/${workflowId}`;
    expect((await tenant.call('GET', `${at}/steps`)).json).toEqual({
      items: [
        { stepId: 'wait', type: 'wait_for_event', waiting: 2, delayed: 0, paused: 0 },
        { stepId: 'mark', type: 'update_contact', waiting: 0, delayed: 0, paused: 0 },
        { stepId: 'gave-up', type: 'exit', waiting: 0, delayed: 0, paused: 0 },
      ],
    });
    const day = new Date().toISOString().slice(0, 10);
    const { json } = await tenant.call('GET', `${at}/statistics`);
    expect(json).toMatchObject({
      workflowId,
      to: day,
      running: { waiting: 2, delayed: 0, paused: 0 },
      started: 3,
      resumed: 1,
      refused: 1,
      completed: 1,
      failed: 0,
      cancelled: 0,
      refusedBecause: [{ count: 1 }],
      lastRefused: [{ contactId: people[0]!.contactId, eventId: again.eventId }],
    });
    expect(json.lastRefused[0].reason).toBe(json.refusedBecause[0].reason);
    const before = await tenant.call('GET', `${at}/statistics?from=2026-01-01&to=2026-01-31`);
    expect(before.json).toMatchObject({
      from: '2026-01-01',
      to: '2026-01-31',
      started: 0,
      refusedBecause: [],
    });

    const { json: workflow } = await tenant.call('GET', at);
    const definition = { ...workflow.definition, steps: [{ id: 'out', type: 'exit' }] };
    await tenant.call('PUT', at, { body: definition });
    expect((await tenant.call('GET', `${at}/steps`)).json.items).toEqual([
      { stepId: 'out', type: 'exit', waiting: 0, delayed: 0, paused: 0 },
      { stepId: 'wait', type: 'wait_for_event', waiting: 2, delayed: 0, paused: 0 },
    ]);
  });

  it('keep the last refused entries only, and count all of them', async () => {
    const workflowId = await tenant.create({
      ...waitingWorkflow('knocked', 'never'),
      settings: { allowReentry: false },
    });
    const about = await someone();
    const knocks = Array.from({ length: 60 }, () => rig.event({ ...about, name: 'knocked' }));
    await rig.admit(...knocks);
    await Promise.all(knocks.map((event) => rig.outcomeOf(event)));
    const { json } = await tenant.call('GET', `/v1/workflows/${workflowId}/statistics`);
    expect(json).toMatchObject({ started: 1, refused: 59, refusedBecause: [{ count: 59 }] });
    expect(json.lastRefused.map(({ eventId }: { eventId: string }) => eventId)).toEqual(
      knocks
        .slice(-20)
        .reverse()
        .map(({ eventId }) => eventId),
    );
    const { rows } = await rig.database.query({
      text: 'SELECT FROM trigger.refusal WHERE workflow_id = $1',
      values: [workflowId],
    });
    expect(rows).toHaveLength(20);
  });

  it('are deleted with their steps so long after their end, whatever still runs beside them', async () => {
    const workflowId = await tenant.create(waitingWorkflow('rented', 'returned'));
    const people = await Promise.all(Array.from({ length: 7 }, someone));
    for (const about of people) await rig.track(rig.event({ ...about, name: 'rented' }));
    for (const about of people.slice(0, 5)) await rig.track(rig.event({ ...about, name: 'returned' }));
    const { purgeExecutions } = retention(rig.database);
    const purge = async (endedBeforeMs: number) => {
      let last: string | undefined = '00000000-0000-0000-0000-000000000000';
      while (last !== undefined) last = await purgeExecutions(endedBeforeMs, last, 2);
    };
    await purge(Date.now() - 3_600_000);
    expect(await all(`/v1/workflows/${workflowId}/executions?`)).toHaveLength(7);
    await purge(Date.now() + 1_000);
    expect(await all(`/v1/workflows/${workflowId}/executions?`)).toHaveLength(2);
    const { rows } = await rig.database.query({
      text: 'SELECT FROM trigger.step s WHERE NOT EXISTS (SELECT FROM trigger.execution e WHERE e.id = s.execution_id)',
    });
    expect(rows).toEqual([]);
    const left = people.slice(5);
    for (const about of left)
      expect(await rig.track(rig.event({ ...about, name: 'returned' }))).toMatchObject({
        executionsResumed: 1,
      });
  });
});
