import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMITTED, encodeAdmitted, type AdmittedEvent } from '@trackline/contracts';
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

  const someone = async () => ({ organizationId: tenant.organization.id, contactId: await tenant.contact() });
  const counts = (triggered: number, resumed: number) => ({
    verdict: 'admitted',
    workflowsTriggered: triggered,
    executionsResumed: resumed,
  });

  it('starts an execution, which waits, and the second event resumes it down "yes"', async () => {
    const workflowId = await tenant.create(waitingWorkflow('signed_up', 'activated'));
    const about = await someone();

    const first = rig.event({ ...about, name: 'signed_up' });
    expect(await rig.track(first)).toMatchObject(counts(1, 0));
    expect(await rig.executionOf(tenant.call, workflowId, about.contactId)).toMatchObject({
      status: 'waiting',
      triggerEventId: first.eventId,
      steps: [{ id: 'wait', status: 'waiting', detail: { waitsFor: ['activated'] } }],
    });

    const second = rig.event({ ...about, name: 'activated', properties: '{"plan":"pro"}' });
    expect(await rig.track(second)).toMatchObject(counts(0, 1));
    expect(await rig.executionOf(tenant.call, workflowId, about.contactId)).toMatchObject({
      status: 'completed',
      steps: [
        {
          id: 'wait',
          status: 'completed',
          branch: 'yes',
          detail: { endedBy: 'event', eventId: second.eventId },
        },
        { id: 'mark', status: 'completed' },
      ],
    });
    // Made before the answer was given.
    const contact = await rig.directory.getContact(about.organizationId, about.contactId);
    expect(contact?.properties).toEqual({ marks: 1 });

    await eventually(() =>
      rig.progressed.some(({ effect, reason }) => effect === 'ended' && reason === 'completed'),
    );
    const told = rig.progressed.filter(({ contactId }) => contactId === about.contactId);
    expect(told.map(({ effect, eventId }) => [effect, eventId])).toEqual([
      ['started', first.eventId],
      ['resumed', second.eventId],
      ['ended', undefined],
    ]);
    await eventually(async () => (await rig.count('outbox')) === 0);
  });

  it('resumes a wait that an event earlier in the same batch began, and none that it began itself', async () => {
    await tenant.create(waitingWorkflow('opened', 'closed'));
    await tenant.create(waitingWorkflow('knocked', 'knocked'));
    const about = await someone();
    const events = ['opened', 'closed', 'knocked', 'knocked'].map((name) => rig.event({ ...about, name }));
    await rig.admit(...events);
    const outcomes = await Promise.all(events.map((event) => rig.outcomeOf(event)));
    expect(outcomes).toMatchObject([counts(1, 0), counts(0, 1), counts(1, 0), counts(1, 1)]);
  });

  it('has no second effect when it comes again, and gets the same answer', async () => {
    await tenant.create(waitingWorkflow('ordered', 'paid'));
    const about = await someone();
    const ordered = rig.event({ ...about, name: 'ordered' });
    const paid = rig.event({ ...about, name: 'paid' });
    await rig.track(ordered);
    await rig.track(paid);
    const before = [await rig.count('execution'), await rig.count('step'), rig.outcomes.length];
    await rig.admit(ordered, paid, ordered, paid);
    await eventually(() => rig.outcomes.length >= before[2]! + 4);
    expect(rig.outcomes.slice(before[2])).toMatchObject([
      counts(1, 0),
      counts(0, 1),
      counts(1, 0),
      counts(0, 1),
    ]);
    expect([await rig.count('execution'), await rig.count('step')]).toEqual(before.slice(0, 2));
    const contact = await rig.directory.getContact(about.organizationId, about.contactId);
    expect(contact?.properties).toEqual({ marks: 1 });
  });

  it('is answered from its first judgement when it is a resend, once that has taken effect', async () => {
    await tenant.create(waitingWorkflow('asked', 'answered'));
    const about = await someone();
    const first = rig.event({ ...about, name: 'asked' });
    const resend = (replayOf: AdmittedEvent['position']) =>
      rig.track(rig.event({ ...about, eventId: first.eventId, name: 'asked', replayOf }));
    const notYet = { ...first.position, offset: first.position.offset + 1_000_000 };
    expect(await rig.track(first)).toMatchObject(counts(1, 0));
    expect(await resend(notYet)).toMatchObject({ ...counts(0, 0), verdict: 'accepted' });
    expect(await resend(first.position)).toMatchObject({ ...counts(1, 0), eventId: first.eventId });
    expect(await rig.track(rig.event({ ...about, name: 'answered' }))).toMatchObject(counts(0, 1));
  });

  it('that is a backfill starts and resumes nothing', async () => {
    await tenant.create(waitingWorkflow('moved', 'settled'));
    const about = await someone();
    expect(await rig.track(rig.event({ ...about, name: 'moved', backfill: true }))).toMatchObject(
      counts(0, 0),
    );
    await rig.track(rig.event({ ...about, name: 'moved' }));
    expect(await rig.track(rig.event({ ...about, name: 'settled', backfill: true }))).toMatchObject(
      counts(0, 0),
    );
    expect(await rig.track(rig.event({ ...about, name: 'settled' }))).toMatchObject(counts(0, 1));
  });

  it('passes the filters of trigger, wait and condition with what it carries', async () => {
    const workflowId = await tenant.create({
      name: 'big orders',
      trigger: {
        type: 'event.received',
        eventName: 'order',
        filter: [{ field: 'total', operator: 'greater_than', value: 100 }],
      },
      steps: [
        {
          id: 'paid',
          type: 'wait_for_event',
          config: {
            eventName: 'payment',
            filter: [{ field: 'method.kind', operator: 'equals', value: 'card' }],
          },
          branches: {
            yes: [
              {
                id: 'which',
                type: 'condition',
                config: { field: 'waits.paid.event.method.brand', operator: 'equals', value: 'visa' },
                branches: { yes: [{ id: 'visa', type: 'exit', config: { reason: 'visa' } }], no: [] },
              },
            ],
          },
        },
      ],
    });
    const about = await someone();
    expect(
      await rig.track(rig.event({ ...about, name: 'order', properties: '{"total":100}' })),
    ).toMatchObject(counts(0, 0));
    await rig.track(rig.event({ ...about, name: 'order', properties: '{"total":"100.5"}' }));
    const pay = (method: object) =>
      rig.track(rig.event({ ...about, name: 'payment', properties: JSON.stringify({ method }) }));
    expect(await pay({ kind: 'cash' })).toMatchObject(counts(0, 0));
    expect(await pay({ kind: 'card', brand: 'visa' })).toMatchObject(counts(0, 1));
    expect(await rig.executionOf(tenant.call, workflowId, about.contactId)).toMatchObject({
      status: 'completed',
      reason: 'visa',
      steps: [
        { id: 'paid', branch: 'yes' },
        { id: 'which', branch: 'yes', detail: { found: 'visa' } },
        { id: 'visa' },
      ],
    });
  });

  it('finds the newest definition in force', async () => {
    const workflowId = await tenant.create(waitingWorkflow('bought', 'paid'));
    const about = await someone();
    await rig.track(rig.event({ ...about, name: 'bought' }));
    const changed = { ...waitingWorkflow('purchased', 'paid') };
    const { json } = await tenant.call('PUT', `/v1/workflows/${workflowId}`, { body: changed });
    expect(json).toMatchObject({ version: 2, status: 'enabled', name: changed.name, definition: changed });
    expect(await rig.track(rig.event({ ...about, name: 'bought' }))).toMatchObject(counts(0, 0));
    expect(await rig.track(rig.event({ ...about, name: 'purchased' }))).toMatchObject(counts(1, 0));
    // Both wait, each by the definition it started with.
    expect(await rig.track(rig.event({ ...about, name: 'paid' }))).toMatchObject(counts(0, 2));
    const { json: list } = await tenant.call('GET', `/v1/workflows/${workflowId}/executions`);
    // The list tells the same of each as it does alone.
    for (const one of list.items)
      expect(one).toEqual((await tenant.call('GET', `/v1/executions/${one.id}`)).json);
    expect(list.items.map((item: { workflowVersion: number }) => item.workflowVersion)).toEqual([2, 1]);
  });

  it('starts one execution at a time where the workflow allows one', async () => {
    await tenant.create({ ...waitingWorkflow('visited', 'left'), settings: { allowReentry: false } });
    const about = await someone();
    const visit = () => rig.track(rig.event({ ...about, name: 'visited' }));
    expect(await visit()).toMatchObject(counts(1, 0));
    const second = rig.event({ ...about, name: 'visited' });
    expect(await rig.track(second)).toMatchObject(counts(0, 0));
    await eventually(() =>
      rig.progressed.some(({ effect, eventId }) => effect === 'refused' && eventId === second.eventId),
    );
    await rig.track(rig.event({ ...about, name: 'left' }));
    expect(await visit()).toMatchObject(counts(1, 0));
  });

  it('that cannot be read goes to the dead letters, and those around it take effect', async () => {
    await tenant.create(waitingWorkflow('arrived', 'departed'));
    const about = await someone();
    const [before, after] = [
      rig.event({ ...about, name: 'arrived' }),
      rig.event({ ...about, name: 'arrived' }),
    ];
    const broken = encodeAdmitted(rig.event({ ...about, name: 'arrived' }));
    await rig.publish(ADMITTED, [
      encodeAdmitted(before),
      { ...broken, headers: { ...broken.headers, ce_id: 'no uuid' } },
      encodeAdmitted(after),
    ]);
    expect(await rig.outcomeOf(before)).toMatchObject(counts(1, 0));
    expect(await rig.outcomeOf(after)).toMatchObject(counts(1, 0));
  });

  it('whose answer can reach nobody holds up no other', async () => {
    const about = await someone();
    await rig.admit(
      rig.event({ ...about, name: 'x', replyTo: '99/nobody' }),
      rig.event({ ...about, name: 'x', replyTo: '-1/x' }),
    );
    expect(await rig.track(rig.event({ ...about, name: 'x' }))).toMatchObject(counts(0, 0));
  });

  it('of another organisation touches nothing here', async () => {
    const other = await rig.tenant(trigger);
    await tenant.create(waitingWorkflow('shared_name', 'shared_end'));
    const about = { organizationId: other.organization.id, contactId: await other.contact() };
    expect(await rig.track(rig.event({ ...about, name: 'shared_name' }))).toMatchObject(counts(0, 0));
  });
});
