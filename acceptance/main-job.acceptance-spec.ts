import { beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, uniqueName } from '@trackline/testkit';
import { anOrganization, type Tenant } from './an-organization.ts';

let tenant: Tenant;

beforeAll(async () => {
  tenant = await anOrganization();
}, 15_000);

const waitFor = (trigger: string, eventName: string, timeoutSeconds: number) => ({
  name: uniqueName('workflow'),
  trigger: { type: 'event', eventName: trigger },
  steps: [
    {
      id: 'wait',
      type: 'wait_for_event',
      config: { eventName, timeoutSeconds },
      branches: {
        yes: [{ id: 'came', type: 'exit', config: { reason: 'it came' } }],
        no: [{ id: 'stayed-away', type: 'exit', config: { reason: 'it did not come' } }],
      },
    },
  ],
});

describe('track', () => {
  it('answers with true counts, and the event is on the timeline within a second of the answer', async () => {
    const { id, email } = await tenant.contact();
    for (let i = 0; i < 5; i += 1) {
      const answer = await tenant.track({ name: 'page_viewed', contactEmail: email, properties: { i } });
      expect(answer.status).toBe(200);
      expect(answer.json).toEqual({
        success: true,
        contactCreated: false,
        workflowsTriggered: 0,
        executionsResumed: 0,
        eventId: expect.any(String),
      });
      await eventually(async () => (await tenant.timeline(id))[0]?.id === answer.json.eventId, {
        withinMs: 1_000,
        everyMs: 10,
      });
    }
    expect((await tenant.timeline(id)).map((item) => item.properties.i)).toEqual([4, 3, 2, 1, 0]);
  });

  it('starts the execution, which waits; the second event resumes it down "yes", and each answer says so', async () => {
    const workflow = await tenant.workflow(waitFor('cart.abandoned', 'order.completed', 600));
    const { email } = await tenant.contact();
    const first = await tenant.track({ name: 'cart.abandoned', contactEmail: email });
    expect(first.json).toMatchObject({ success: true, workflowsTriggered: 1, executionsResumed: 0 });
    const [waiting] = await tenant.executions(workflow);
    expect(waiting).toMatchObject({ status: 'waiting' });
    expect((await tenant.execution(waiting!.id)).steps).toMatchObject([{ id: 'wait' }]);
    const second = await tenant.track({ name: 'order.completed', contactEmail: email });
    expect(second.json).toMatchObject({ success: true, workflowsTriggered: 0, executionsResumed: 1 });
    const done = await tenant.execution(waiting!.id);
    expect(done).toMatchObject({ id: waiting!.id, status: 'completed' });
    expect(done.steps[0]).toMatchObject({ id: 'wait', branch: 'yes' });
    const again = await tenant.track({ name: 'order.completed', contactEmail: email });
    expect(again.json).toMatchObject({ success: true, workflowsTriggered: 0, executionsResumed: 0 });
    const receipt = await eventually(async () => {
      const { json } = await tenant.call('GET', `/v1/events/${second.json.eventId}`);
      return json.executions?.length === 1 && json;
    });
    expect(receipt).toMatchObject({
      verdict: 'admitted',
      executionsResumed: 1,
      executions: [{ id: waiting!.id, workflowId: workflow, effect: 'resumed' }],
    });
  });

  it('and without the second event the timeout takes "no"', async () => {
    const workflow = await tenant.workflow(waitFor('trial.started', 'profile.completed', 1));
    const { email } = await tenant.contact();
    await tenant.track({ name: 'trial.started', contactEmail: email });
    const done = await eventually(
      async () => {
        const [execution] = await tenant.executions(workflow);
        return execution?.status === 'completed' && execution;
      },
      { withinMs: 10_000 },
    );
    expect((await tenant.execution(done.id)).steps[0]).toMatchObject({ id: 'wait', branch: 'no' });
    const late = await tenant.track({ name: 'profile.completed', contactEmail: email });
    expect(late.json).toMatchObject({ executionsResumed: 0 });
  }, 20_000);

  it('of a backfill is recorded and counted, and starts nothing', async () => {
    const workflow = await tenant.workflow(waitFor('imported', 'never', 600));
    const { id, email } = await tenant.contact();
    const used = await tenant.used();
    const occurredAt = new Date(Date.now() - 100 * 86_400_000).toISOString();
    const answer = await tenant.track({ name: 'imported', contactEmail: email, backfill: true, occurredAt });
    expect(answer.json).toMatchObject({ success: true, workflowsTriggered: 0 });
    const item = await eventually(async () => (await tenant.timeline(id))[0]);
    expect(item).toMatchObject({ name: 'imported', occurredAt });
    expect(await tenant.executions(workflow)).toEqual([]);
    expect(await tenant.used()).toBe(used + 1);
  });

  it('with Prefer: respond-async answers 202 at once, and the receipt tells the rest', async () => {
    const { email } = await tenant.contact();
    const answer = await tenant.track({ name: 'slow', contactEmail: email }, { prefer: 'respond-async' });
    expect(answer.status).toBe(202);
    expect(answer.json).toMatchObject({ success: true, status: 'accepted', workflowsTriggered: 0 });
    const receipt = await eventually(async () => {
      const { status, json } = await tenant.call('GET', `/v1/events/${answer.json.eventId}`);
      return status === 200 && json;
    });
    expect(receipt).toMatchObject({ id: answer.json.eventId, name: 'slow', verdict: 'admitted' });
  });
});

describe('a unique id', () => {
  it('is accepted once: the second gets 409 with the first’s event id, on whichever contact, and nothing is counted', async () => {
    const [one, other] = [await tenant.contact(), await tenant.contact()];
    const event = { name: 'order.placed', uniqueId: uniqueName('order') };
    const first = await tenant.track({ ...event, contactEmail: one.email });
    const used = await tenant.used();
    for (const contact of [one, other]) {
      const second = await tenant.track({ ...event, contactEmail: contact.email });
      expect(second.status).toBe(409);
      expect(second.json).toMatchObject({
        success: false,
        error: 'Event already exists',
        code: 'DUPLICATE_EVENT',
        eventId: first.json.eventId,
      });
    }
    const namesake = await tenant.track({ ...event, name: 'order.shipped', contactEmail: one.email });
    expect(namesake.status).toBe(200);
    expect(await tenant.used()).toBe(used + 1);
    expect(
      (
        await eventually(async () => {
          const items = await tenant.timeline(one.id);
          return items.length === 2 && items;
        })
      ).map((item) => item.name),
    ).toEqual(['order.shipped', 'order.placed']);
    expect(await tenant.timeline(other.id)).toEqual([]);
  });

  it('that a hundred requests bring at once is accepted once', async () => {
    const { id, email } = await tenant.contact();
    const event = { name: 'order.placed', uniqueId: uniqueName('order'), contactEmail: email };
    const answers = await Promise.all(Array.from({ length: 100 }, () => tenant.track(event)));
    const accepted = answers.filter((answer) => answer.status === 200);
    expect(accepted).toHaveLength(1);
    const { eventId } = accepted[0]!.json;
    for (const answer of answers.filter((one) => one !== accepted[0])) {
      expect(answer).toMatchObject({ status: 409, json: { eventId } });
    }
    await eventually(async () => (await tenant.timeline(id)).length === 1);
  });
});
