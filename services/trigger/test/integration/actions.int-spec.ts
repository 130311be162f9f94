import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ACTIONS_COMPLETED, type RequestedAction } from '@trackline/contracts';
import { endOffsets } from '@trackline/kafka';
import { eventually } from '@trackline/testkit';
import { TriggerRig, type Tenant } from './trigger-rig.ts';

describe('actions', () => {
  let rig: TriggerRig;
  let tenant: Tenant;

  beforeAll(async () => {
    rig = await TriggerRig.open();
    tenant = await rig.tenant(await rig.start());
  }, 60_000);
  afterAll(async () => rig?.close(), 30_000);

  const calling = (onFailure?: 'fail') => ({
    name: 'calls',
    trigger: { type: 'event', eventName: `called${onFailure ?? ''}` },
    steps: [
      {
        id: 'call',
        type: 'webhook',
        config: {
          url: 'https://example.com/orders/{{order}}',
          body: { total: '{{total}}' },
          ...(onFailure && { onFailure }),
        },
      },
      { id: 'later', type: 'delay', config: { amount: 1, unit: 'hours' } },
    ],
  });
  const called = async (name: string) => {
    const about = { organizationId: tenant.organization.id, contactId: await tenant.contact() };
    const event = rig.event({ ...about, name, properties: JSON.stringify({ order: 7, total: 12.5 }) });
    expect(await rig.track(event)).toMatchObject({ workflowsTriggered: 1 });
    const action = await eventually(() =>
      rig.requested.find(({ contactId }) => contactId === about.contactId),
    );
    return { event, action };
  };
  const stepOf = async ({ executionId }: RequestedAction) =>
    (await rig.execution(tenant.call, executionId)).steps[0];

  it('are requested fully rendered, once, however often the event comes', async () => {
    const workflowId = await tenant.create(calling());
    const { event, action } = await called('called');
    expect(action).toMatchObject({
      kind: 'webhook',
      workflowId,
      stepId: 'call',
      visit: 1,
      request: { url: 'https://example.com/orders/7', method: 'POST', body: '{"total":12.5}' },
    });
    await rig.admit(event, event);
    await rig.track(event);
    expect(rig.requested.filter(({ executionId }) => executionId === action.executionId)).toHaveLength(1);
  });

  it('say numbers as they were sent, of whichever event, also of one that is looked back for', async () => {
    const text =
      'Hi! Your order for {{product_name}} ({{order_total}}€), {{items.0.price}}, {{waits.paid.event.sum}}, {{event.id}}.';
    const call = {
      id: 'call',
      type: 'webhook',
      config: { url: 'https://example.com/{{order_total}}', body: { text, sum: '{{sum}}' } },
    };
    const workflowId = await tenant.create({
      name: 'exact',
      trigger: { type: 'event', eventName: 'exact' },
      steps: [
        {
          id: 'paid',
          type: 'wait_for_event',
          config: { eventName: 'exactly_paid', lookbackSeconds: 600 },
          branches: { yes: [call] },
        },
      ],
    });
    const order =
      '{"product_name":"Lamp","order_total":10.50,"id":9007199254740993,"items":[{"price":7.10}]}';
    for (const isLookedBackFor of [false, true]) {
      const about = { organizationId: tenant.organization.id, contactId: await tenant.contact() };
      const started = () => rig.event({ ...about, name: 'exact', properties: order });
      const paid = () => rig.event({ ...about, name: 'exactly_paid', properties: '{"sum":1.00}' });
      for (const next of isLookedBackFor ? [paid, started] : [started, paid]) await rig.track(next());
      const action = await eventually(() =>
        rig.requested.find(({ contactId }) => contactId === about.contactId),
      );
      expect(action).toMatchObject({
        workflowId,
        request: {
          url: 'https://example.com/10.50',
          body: '{"text":"Hi! Your order for Lamp (10.50€), 7.10, 1.00, 9007199254740993.","sum":1.00}',
        },
      });
    }
  }, 30_000);

  it('say the numbers of data given by hand as they were sent', async () => {
    const workflowId = await tenant.create({ ...calling(), trigger: { type: 'api' } });
    const contactId = await tenant.contact();
    const made = await tenant.call('POST', `/v1/workflows/${workflowId}/trigger`, {
      body: `{"contactId":"${contactId}","data":{"order":7,"total":12.50}}`,
    });
    expect(made).toMatchObject({ status: 200 });
    const action = await eventually(() => rig.requested.find((one) => one.contactId === contactId));
    expect(action).toMatchObject({ request: { body: '{"total":12.50}' } });
  }, 30_000);

  it('show on their step how they ended; told again, it stays', async () => {
    const { action } = await called('called');
    await rig.complete(action, { status: 'delivered', attempts: 2, providerMessageId: 'wamid.1' });
    const step = await eventually(async () => {
      const shown = await stepOf(action);
      return (shown!.detail as { delivery?: object }).delivery !== undefined && shown;
    });
    expect(step).toMatchObject({
      status: 'completed',
      detail: { delivery: { status: 'delivered', attempts: 2, providerMessageId: 'wamid.1' } },
    });
    await rig.complete(action, { status: 'failed', attempts: 9 });
    const offsets = await endOffsets(rig.connection, ACTIONS_COMPLETED);
    expect([...offsets.values()].reduce((a, b) => a + b)).toBeGreaterThan(1);
    const other = (await called('called')).action;
    await rig.complete({ ...other, organizationId: action.organizationId }, { status: 'delivered' });
    await eventually(async () => (await stepOf(other))!.detail !== undefined);
    expect(await stepOf(action)).toEqual(step);
  });

  it('that failed fail their execution where the step says so, and it goes on from there when it is retried', async () => {
    await tenant.create(calling('fail'));
    const { action } = await called('calledfail');
    await rig.complete(action, { status: 'failed', attempts: 5, detail: { status: 500 } });
    await eventually(async () => (await rig.execution(tenant.call, action.executionId)).status === 'failed');
    expect(await stepOf(action)).toMatchObject({ status: 'failed', detail: { delivery: { attempts: 5 } } });
    const at = `/v1/executions/${action.executionId}/retry`;
    const retried = await tenant.call('POST', at);
    expect(retried).toMatchObject({ status: 200, json: { status: 'delayed' } });
    expect(retried.json).not.toHaveProperty('endedAt');
    expect((await tenant.call('POST', at)).json.code).toBe('CONFLICT');
    const again = await eventually(() =>
      rig.requested.find(
        ({ executionId, visit }) => executionId === action.executionId && visit > action.visit,
      ),
    );
    expect(again.id).not.toBe(action.id);
    const { json } = await tenant.call('GET', `/v1/workflows/${action.workflowId}/statistics`);
    expect(json).toMatchObject({ running: { delayed: 1 }, failed: 1 });
    const { rows } = await rig.database.query({
      text: 'SELECT sum(count)::int AS count FROM trigger.running WHERE workflow_id = $1',
      values: [action.workflowId],
    });
    expect(rows).toEqual([{ count: 1 }]);
  });
});
