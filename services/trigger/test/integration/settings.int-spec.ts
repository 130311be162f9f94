import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MAX_CONTACT_EXECUTIONS } from '@trackline/contracts';
import { eventually, uniqueName } from '@trackline/testkit';
import { retention } from '../../src/adapters/postgres/retention.ts';
import type { RunningTrigger } from '../../src/start-trigger.ts';
import { TriggerRig, waitingWorkflow, type Tenant } from './trigger-rig.ts';

describe('settings of a workflow', () => {
  let rig: TriggerRig;
  let instances: RunningTrigger[];
  let tenant: Tenant;

  beforeAll(async () => {
    rig = await TriggerRig.open();
    instances = [await rig.start(), await rig.start()];
    tenant = await rig.tenant(instances[0]!);
  }, 90_000);
  afterAll(async () => rig?.close(), 30_000);

  const someone = async () => ({ organizationId: tenant.organization.id, contactId: await tenant.contact() });
  const people = (count: number) => Promise.all(Array.from({ length: count }, someone));
  const runningOf = async (workflowId: string) => {
    const { rows } = await rig.database.query<{ executions: number; counted: number }>({
      text: `SELECT (SELECT count(*)::int FROM trigger.execution WHERE workflow_id = $1 AND ended_at IS NULL) AS executions,
               (SELECT coalesce(sum(count), 0)::int FROM trigger.running WHERE workflow_id = $1) AS counted`,
      values: [workflowId],
    });
    return rows[0];
  };
  const reasonsOf = async (workflowId: string) =>
    (await tenant.call('GET', `/v1/workflows/${workflowId}/statistics`)).json.refusedBecause;

  it('maxConcurrentExecutions is never exceeded, with events on all partitions and people at once, and nothing is left unused', async () => {
    const workflowId = await tenant.create({
      ...waitingWorkflow('rushed', 'went'),
      settings: { maxConcurrentExecutions: 25 },
    });
    const everyone = await people(80);
    let started = 0;
    for (let round = 0; round < 3; round++) {
      const events = everyone.map((about) => rig.event({ ...about, name: 'rushed' }));
      const byHand = everyone
        .slice(0, 10)
        .map(({ contactId }, index) =>
          tenant
            .at(instances[index % 2]!)
            .call('POST', `/v1/workflows/${workflowId}/trigger`, { body: { contactId } }),
        );
      for (let at = 0; at < events.length; at += 20) void rig.admit(...events.slice(at, at + 20));
      const outcomes = await Promise.all(events.map((event) => rig.outcomeOf(event)));
      const answers = await Promise.all(byHand);
      started += outcomes.reduce((sum, { workflowsTriggered }) => sum + workflowsTriggered, 0);
      started += answers.filter(({ status }) => status === 200).length;
      for (const { json } of answers.filter(({ status }) => status !== 200))
        expect(json).toMatchObject({ code: 'CONFLICT', reason: 'max_concurrent_executions' });
      expect(await runningOf(workflowId)).toEqual({ executions: 25, counted: 25 });
      expect(started).toBe(25 * (round + 1));
      const gone = everyone.map((about) => rig.event({ ...about, name: 'went' }));
      await rig.admit(...gone);
      const resumed = await Promise.all(gone.map((event) => rig.outcomeOf(event)));
      expect(resumed.reduce((sum, { executionsResumed }) => sum + executionsResumed, 0)).toBe(25);
      expect(await runningOf(workflowId)).toEqual({ executions: 0, counted: 0 });
    }
    expect(await reasonsOf(workflowId)).toMatchObject([{ reason: 'max_concurrent_executions' }]);
  }, 60_000);

  it('contactCooldownSeconds counts from the last start, reentryDelaySeconds from the last end', async () => {
    const cooling = await tenant.create({
      ...waitingWorkflow('cooled', 'x'),
      settings: { contactCooldownSeconds: 60 },
    });
    const about = await someone();
    const at = async (name: string, receivedAtMs: number) =>
      (await rig.track(rig.event({ ...about, name, receivedAtMs }))).workflowsTriggered;
    const startMs = Date.now() - 600_000;
    expect(await at('cooled', startMs)).toBe(1);
    expect(await at('cooled', startMs + 59_999)).toBe(0);
    expect(await at('cooled', startMs + 60_000)).toBe(1);
    expect(await at('cooled', startMs + 119_999)).toBe(0);
    expect(await reasonsOf(cooling)).toEqual([{ reason: 'contact_cooldown', count: 2 }]);

    const delayed = await tenant.create({
      ...waitingWorkflow('came', 'left'),
      settings: { reentryDelaySeconds: 60 },
    });
    expect(await at('came', startMs)).toBe(1);
    expect(await at('came', startMs + 100_000)).toBe(0);
    await rig.track(rig.event({ ...about, name: 'left', receivedAtMs: startMs + 120_000 }));
    expect(await at('came', startMs + 179_999)).toBe(0);
    expect(await at('came', startMs + 180_000)).toBe(1);
    expect(await reasonsOf(delayed)).toEqual(
      expect.arrayContaining([
        { reason: 'already_running', count: 1 },
        { reason: 'reentry_delay', count: 1 },
      ]),
    );
  }, 30_000);

  it('a cooldown lets one in of many who come at once, by whichever door', async () => {
    const workflowId = await tenant.create({
      ...waitingWorkflow('pressed', 'x'),
      settings: { contactCooldownSeconds: 3_600 },
    });
    const about = await someone();
    const { contactId } = about;
    const byHand = Array.from({ length: 12 }, (_, index) =>
      tenant
        .at(instances[index % 2]!)
        .call('POST', `/v1/workflows/${workflowId}/trigger`, { body: { contactId } }),
    );
    const events = Array.from({ length: 12 }, () => rig.event({ ...about, name: 'pressed' }));
    for (const event of events) void rig.admit(event);
    const outcomes = await Promise.all(events.map((event) => rig.outcomeOf(event)));
    const answers = await Promise.all(byHand);
    const started =
      outcomes.reduce((sum, { workflowsTriggered }) => sum + workflowsTriggered, 0) +
      answers.filter(({ status }) => status === 200).length;
    expect(started).toBe(1);
    expect(await runningOf(workflowId)).toMatchObject({ executions: 1 });
    // Those by hand are counted like the others, and shown without an event.
    const { json } = await tenant.call('GET', `/v1/workflows/${workflowId}/statistics`);
    expect(json.refusedBecause).toEqual([{ reason: 'contact_cooldown', count: 23 }]);
    const late = await tenant.call('POST', `/v1/workflows/${workflowId}/trigger`, { body: { contactId } });
    expect(late).toMatchObject({ status: 409, json: { reason: 'contact_cooldown' } });
    const after = await tenant.call('GET', `/v1/workflows/${workflowId}/statistics`);
    expect(after.json.refused).toBe(24);
    expect(after.json.lastRefused[0]).toEqual({
      contactId,
      reason: 'contact_cooldown',
      at: expect.any(String),
    });
  }, 30_000);

  /** Fails whoever is not ready; is left to be tried again once they are. */
  const readyOnly = (settings: object) => ({
    name: 'ready only',
    trigger: { type: 'api' },
    steps: [
      {
        id: 'is-ready',
        type: 'condition',
        config: { field: 'contact.ready', operator: 'is_set' },
        branches: {
          yes: [{ id: 'wait', type: 'wait_for_event', config: { eventName: 'x' } }],
          no: [{ id: 'fail', type: 'exit', config: { markAs: 'failed', reason: 'not ready' } }],
        },
      },
    ],
    settings,
  });
  const failed = async (workflowId: string) => {
    const externalId = uniqueName('person');
    const [made] = await rig.directory.upsertContacts(tenant.organization.id, [{ externalId }]);
    if (made?.outcome !== 'created') throw new Error(`contact not created: ${JSON.stringify(made)}`);
    const body = { contactId: made.contact.id };
    const { json } = await tenant.call('POST', `/v1/workflows/${workflowId}/trigger`, { body });
    return { id: json.executionId as string, externalId };
  };

  it('reentryDelaySeconds counts from an end by hand, and from that of a retry', async () => {
    const settings = { reentryDelaySeconds: 3_600 };
    const workflowId = await tenant.create({ ...waitingWorkflow('entered', 'x'), settings });
    const about = await someone();
    const enter = async () => (await rig.track(rig.event({ ...about, name: 'entered' }))).workflowsTriggered;
    expect(await enter()).toBe(1);
    const { id } = await rig.executionOf(tenant.call, workflowId, about.contactId);
    expect((await tenant.call('POST', `/v1/executions/${id}/cancel`)).status).toBe(200);
    expect(await enter()).toBe(0);
    expect(await reasonsOf(workflowId)).toEqual([{ reason: 'reentry_delay', count: 1 }]);

    const retried = await failed(await tenant.create(readyOnly(settings)));
    expect((await tenant.call('POST', `/v1/executions/${retried.id}/retry`)).status).toBe(200);
    const { rows } = await rig.database.query({
      text: `SELECT n.ended_at = e.ended_at AS is_last FROM trigger.execution e
             JOIN trigger.entry n USING (workflow_id, contact_id) WHERE e.id = $1`,
      values: [retried.id],
    });
    expect(rows).toEqual([{ is_last: true }]);
  }, 30_000);

  it('maxConcurrentExecutions holds for those that are tried again, many at once too', async () => {
    const workflowId = await tenant.create(readyOnly({ maxConcurrentExecutions: 2 }));
    const all = [];
    for (let index = 0; index < 6; index++) all.push(await failed(workflowId));
    await rig.directory.upsertContacts(
      tenant.organization.id,
      all.map(({ externalId }) => ({ externalId, properties: { ready: true } })),
    );
    const answers = await Promise.all(
      all.map(({ id }, index) => tenant.at(instances[index % 2]!).call('POST', `/v1/executions/${id}/retry`)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 409, 409, 409, 409]);
    for (const { json } of answers.filter(({ status }) => status === 409))
      expect(json).toMatchObject({ code: 'CONFLICT', reason: 'max_concurrent_executions' });
    expect(await runningOf(workflowId)).toEqual({ executions: 2, counted: 2 });
  }, 30_000);

  it('a contact has at most a thousand executions where one waits; all of them are resumed together', async () => {
    const settings = { maxConcurrentExecutions: 10_000 };
    const workflowId = await tenant.create({ ...waitingWorkflow('crowded', 'freed'), settings });
    const about = await someone();
    const enter = Array.from({ length: MAX_CONTACT_EXECUTIONS + 3 }, () =>
      rig.event({ ...about, name: 'crowded' }),
    );
    await rig.admit(...enter);
    const outcomes = await Promise.all(enter.map((event) => rig.outcomeOf(event, 60_000)));
    expect(outcomes.map(({ workflowsTriggered }) => workflowsTriggered)).toEqual([
      ...Array.from({ length: MAX_CONTACT_EXECUTIONS }, () => 1),
      ...[0, 0, 0],
    ]);
    const { contactId } = about;
    const byHand = await tenant.call('POST', `/v1/workflows/${workflowId}/trigger`, { body: { contactId } });
    expect(byHand).toMatchObject({ status: 409, json: { reason: 'max_contact_executions' } });
    expect(await reasonsOf(workflowId)).toEqual([{ reason: 'max_contact_executions', count: 4 }]);

    const freed = rig.event({ ...about, name: 'freed' });
    await rig.admit(freed);
    expect(await rig.outcomeOf(freed, 60_000)).toMatchObject({ executionsResumed: MAX_CONTACT_EXECUTIONS });
    expect(await rig.track(rig.event({ ...about, name: 'crowded' }))).toMatchObject({
      workflowsTriggered: 1,
    });
  }, 180_000);

  it('what nobody asks for any more is forgotten', async () => {
    await rig.database.query({ text: `UPDATE trigger.entry SET forget_at = now() - interval '1 second'` });
    await retention(rig.database).purgeForgotten(1_000);
    expect(await rig.count('entry')).toBe(0);
  });
});

describe('looking back', () => {
  let rig: TriggerRig;
  let tenant: Tenant;

  beforeAll(async () => {
    rig = await TriggerRig.open();
    tenant = await rig.tenant(await rig.start());
  }, 60_000);
  afterAll(async () => rig?.close(), 30_000);

  const looking = (first: string, second: string) => ({
    ...waitingWorkflow(first, second),
    steps: [
      {
        id: 'wait',
        type: 'wait_for_event',
        config: { eventName: second, timeoutSeconds: 3_600, lookbackSeconds: 600 },
        branches: { yes: [{ id: 'found', type: 'exit' }], no: [] },
      },
    ],
  });
  const about = async () => ({ organizationId: tenant.organization.id, contactId: await tenant.contact() });

  it('finds an event that came a moment before the wait, and none that is too old or that nobody looks back for', async () => {
    const workflowId = await tenant.create(looking('ordered', 'paid'));
    const [ada, ben] = [await about(), await about()];
    const nowMs = Date.now();
    await rig.admit(rig.event({ ...ada, name: 'unasked' }));
    await rig.track(rig.event({ ...ben, name: 'paid', receivedAtMs: nowMs - 700_000 }));
    const paid = rig.event({ ...ada, name: 'paid', receivedAtMs: nowMs - 5_000 });
    await rig.track(paid);
    await rig.track(rig.event({ ...ada, name: 'ordered', receivedAtMs: nowMs }));
    await rig.track(rig.event({ ...ben, name: 'ordered', receivedAtMs: nowMs }));
    expect(await rig.executionOf(tenant.call, workflowId, ada.contactId)).toMatchObject({
      status: 'completed',
      steps: [{ id: 'wait', branch: 'yes', detail: { eventId: paid.eventId } }, { id: 'found' }],
    });
    expect(await rig.executionOf(tenant.call, workflowId, ben.contactId)).toMatchObject({
      status: 'waiting',
    });
    const { rows } = await rig.database.query({ text: `SELECT DISTINCT event_name FROM trigger.remembered` });
    expect(rows).toEqual([{ event_name: 'paid' }]);
  });

  it('after a delay or by hand finds it, too', async () => {
    const definition = looking('unused', 'answered');
    const workflowId = await tenant.create({ ...definition, trigger: { type: 'api' } });
    const ada = await about();
    await rig.track(rig.event({ ...ada, name: 'answered' }));
    const { contactId } = ada;
    await tenant.call('POST', `/v1/workflows/${workflowId}/trigger`, { body: { contactId } });
    expect(await rig.executionOf(tenant.call, workflowId, contactId)).toMatchObject({ status: 'completed' });
  });

  it('keeps the last events of a contact and name only', async () => {
    await tenant.create(looking('begun', 'ticked'));
    const ada = await about();
    const ticks = Array.from({ length: 70 }, () => rig.event({ ...ada, name: 'ticked' }));
    await rig.admit(...ticks);
    await Promise.all(ticks.map((event) => rig.outcomeOf(event)));
    await rig.track(rig.event({ ...ada, name: 'ticked' }));
    const kept = async () => {
      const { rows } = await rig.database.query<{ event_id: string }>({
        text: `SELECT event_id FROM trigger.remembered WHERE contact_id = $1 ORDER BY received_at, event_id`,
        values: [ada.contactId],
      });
      return rows.map((row) => row.event_id);
    };
    await eventually(async () => (await kept()).length === 20);
    expect((await kept()).slice(0, 19)).toEqual(ticks.slice(-19).map(({ eventId }) => eventId));
  });
});
