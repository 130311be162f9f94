import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CONTACTS, encodeContactChange } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import { eventually, uniqueName } from '@trackline/testkit';
import {
  EXECUTION_COLUMNS,
  fromExecutionRow,
  type ExecutionRow,
} from '../../src/adapters/postgres/execution-rows.ts';
import { heldSends } from '../../src/adapters/postgres/held-sends.ts';
import { settleTimers } from '../../src/adapters/postgres/timer-writes.ts';
import { TriggerRig, type Tenant } from './trigger-rig.ts';
import type { RunningTrigger } from '../../src/start-trigger.ts';

describe('a send to a contact of whom only a trace is known', () => {
  let rig: TriggerRig;
  let service: RunningTrigger;
  let tenant: Tenant;

  beforeAll(async () => {
    rig = await TriggerRig.open();
    service = await rig.start();
    tenant = await rig.tenant(service);
  }, 60_000);
  afterAll(async () => rig?.close(), 30_000);

  const organizationId = () => tenant.organization.id;
  const nobody = async (): Promise<string> => {
    const evidence = uniqueName('click');
    const [made] = await rig.directory.resolve([
      { organizationId: organizationId(), evidence, create: { cause: evidence } },
    ]);
    if (!made || !('contactId' in made)) throw new Error('not made');
    return made.contactId;
  };
  let lastNumber = 600_000_000;
  const person = async (firstName: string) => {
    const phone = `+34${++lastNumber}`;
    const made = await rig.directory.createContact(organizationId(), { phone, firstName });
    if (made.outcome !== 'created') throw new Error(JSON.stringify(made));
    return { contactId: made.contact.id, phone };
  };
  const welcoming = (eventName: string) =>
    tenant.create({
      name: 'welcome',
      trigger: { type: 'event', eventName },
      steps: [
        { id: 'hi', type: 'send_whatsapp', config: { body: 'Hi {{firstName|you}}, {{product}}!' } },
        { id: 'replied', type: 'wait_for_event', config: { eventName: `${eventName}.reply` } },
      ],
    });
  const begin = async (name: string) => {
    const workflowId = await welcoming(name);
    const contactId = await nobody();
    const about = { organizationId: organizationId(), contactId };
    const event = rig.event({ ...about, name, properties: JSON.stringify({ product: 'shoes' }) });
    expect(await rig.track(event)).toMatchObject({ workflowsTriggered: 1 });
    return { workflowId, contactId, event };
  };
  const requestedOf = (workflowId: string) => rig.requested.filter((one) => one.workflowId === workflowId);
  const sentTo = (workflowId: string) => eventually(() => requestedOf(workflowId)[0], { withinMs: 20_000 });

  it('is held, and goes out once, to whom it turns out to be, however often that is told and whoever died meanwhile', async () => {
    const { workflowId, contactId, event } = await begin('lead');
    const waiting = await rig.executionOf(tenant.call, workflowId, contactId);
    expect(waiting).toMatchObject({ status: 'delayed' });
    expect(waiting.steps).toMatchObject([
      {
        id: 'hi',
        status: 'waiting',
        detail: { held: 'provisional_contact', heldUntil: expect.any(String) },
      },
    ]);
    await rig.stop(service);
    service = await rig.start();
    tenant = tenant.at(service);
    const ada = await person('Ada');
    const merge = () => rig.directory.identifyProvisional(organizationId(), contactId, ada.contactId);
    expect(await merge()).toBe('merged');
    await rig.tellOfContacts();
    expect(await sentTo(workflowId)).toMatchObject({
      contactId: ada.contactId,
      executionId: waiting.id,
      visit: 1,
      request: { to: ada.phone, body: 'Hi Ada, shoes!' },
    });
    // Told again, and the event itself once more.
    expect(await merge()).toBe('already');
    const change = {
      id: uuidv7(),
      organizationId: organizationId(),
      contactId,
      change: 'merged',
      atMs: Date.now(),
    };
    await rig.publish(CONTACTS, [encodeContactChange({ ...change, change: 'merged', into: ada.contactId })]);
    await rig.admit(event, event);
    const reply = { organizationId: organizationId(), contactId: ada.contactId, name: 'lead.reply' };
    expect(await rig.track(rig.event(reply))).toMatchObject({ executionsResumed: 1 });
    expect(await rig.executionOf(tenant.call, workflowId, ada.contactId)).toMatchObject({
      id: waiting.id,
      status: 'completed',
      steps: [
        { id: 'hi', status: 'completed', detail: { held: 'provisional_contact', kind: 'whatsapp' } },
        { id: 'replied', branch: 'yes' },
      ],
    });
    expect(requestedOf(workflowId)).toHaveLength(1);
  }, 60_000);

  it('goes out when somebody gives the contact a number by hand', async () => {
    const { workflowId, contactId } = await begin('by-hand');
    const phone = `+34${++lastNumber}`;
    expect(await rig.directory.patchContact(organizationId(), contactId, { phone })).toMatchObject({
      outcome: 'updated',
    });
    await rig.tellOfContacts();
    expect(await sentTo(workflowId)).toMatchObject({ contactId, request: { to: phone } });
  }, 30_000);

  it('changes when it is given its turn, so that a look which was under way does not put it off over it', async () => {
    const { workflowId, contactId } = await begin('put-off');
    const { rows } = await rig.database.query<ExecutionRow>({
      text: `SELECT ${EXECUTION_COLUMNS} FROM trigger.execution e WHERE workflow_id = $1`,
      values: [workflowId],
    });
    const read = fromExecutionRow(rows[0]!);
    const partitionOf = () => rig.partitionOf(organizationId(), contactId);
    await heldSends(rig.database).lookAgain([{ organizationId: organizationId(), contactId }]);
    expect(await rig.count(`execution WHERE id = '${read.id}' AND revision > ${read.revision}`)).toBe(1);
    await rig.database.transaction((tx) =>
      settleTimers(tx, [{ ...read, dueAtMs: read.dueAtMs! + 86_400_000 }], partitionOf),
    );
    const after = await rig.database.query<{ is_put_off: boolean }>({
      text: `SELECT due_at > now() + interval '12 hours' AS is_put_off FROM trigger.timer WHERE execution_id = $1`,
      values: [read.id],
    });
    expect(after.rows).toEqual([{ is_put_off: false }]);
  }, 30_000);

  it('goes out by its own second look when the word of the contact came before the hold was stored', async () => {
    const { workflowId, contactId } = await begin('raced');
    const phone = `+34${++lastNumber}`;
    await rig.directory.patchContact(organizationId(), contactId, { phone });
    // Nobody is told; a minute passes.
    await rig.database.query({
      text: `WITH e AS (UPDATE trigger.execution SET due_at = now(), entered_at = entered_at - interval '60 seconds'
               WHERE workflow_id = $1 RETURNING id)
             UPDATE trigger.timer t SET due_at = now() FROM e WHERE t.execution_id = e.id`,
      values: [workflowId],
    });
    expect(await sentTo(workflowId)).toMatchObject({ contactId, request: { to: phone } });
  }, 30_000);

  it('is given up after 7 days in which nobody learnt whose it is, and its execution goes on', async () => {
    const { workflowId, contactId } = await begin('never-known');
    await rig.database.query({
      text: `WITH e AS (UPDATE trigger.execution SET due_at = now(), entered_at = entered_at - interval '7 days'
               WHERE workflow_id = $1 RETURNING id)
             UPDATE trigger.timer t SET due_at = now() FROM e WHERE t.execution_id = e.id`,
      values: [workflowId],
    });
    const execution = await eventually(async () => {
      const found = await rig.executionOf(tenant.call, workflowId, contactId);
      return found.status === 'waiting' && found;
    });
    expect(execution.steps[0]).toMatchObject({
      id: 'hi',
      status: 'failed',
      detail: { reason: 'not_linked' },
    });
    expect(requestedOf(workflowId)).toEqual([]);
  }, 30_000);
});
