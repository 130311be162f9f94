import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CONTACTS, encodeContactChange, type ContactChange, type Execution } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import { eventually } from '@trackline/testkit';
import type { RunningTrigger } from '../../src/start-trigger.ts';
import { TriggerRig, type Tenant } from './trigger-rig.ts';

describe('what happens to a contact', () => {
  let rig: TriggerRig;
  let trigger: RunningTrigger;
  let tenant: Tenant;

  beforeAll(async () => {
    rig = await TriggerRig.open();
    trigger = await rig.start();
  }, 60_000);
  beforeAll(async () => {
    tenant = await rig.tenant(trigger);
  });
  afterAll(async () => rig?.close(), 30_000);

  const out = [{ id: 'out', type: 'exit' }];
  const startedBy = (trigger: object, steps: object[] = out, more: object = {}) =>
    tenant.create({ name: 'x', trigger, steps, ...more });
  const executionsOf = async (workflowId: string): Promise<Execution[]> =>
    (await tenant.call('GET', `/v1/workflows/${workflowId}/executions?limit=200`)).json.items;
  /** All that was published has taken effect once this has. */
  const settled = async () => {
    const marker = await startedBy({ type: 'topic_subscribed', topicId: `marker-${uuidv7()}` });
    const { json } = await tenant.call('GET', `/v1/workflows/${marker}`);
    const people = await Promise.all(Array.from({ length: 6 }, () => tenant.contact()));
    await rig.directory.changeSubscriptions(
      people.map((contactId) => ({ ...about(contactId), topicId: json.definition.trigger.topicId })),
    );
    await rig.tellOfContacts();
    await eventually(async () => (await executionsOf(marker)).length === people.length);
  };
  const about = (contactId: string) => ({
    organizationId: tenant.organization.id,
    contactId,
    channel: null,
    subscribed: true,
  });

  it('starts workflows: made, changed, subscribed to a topic or unsubscribed', async () => {
    const created = await startedBy({ type: 'contact_created' });
    const gold = await startedBy({
      type: 'contact_updated',
      filter: [{ field: 'level', operator: 'equals', value: 'gold' }],
    });
    const news = await startedBy({ type: 'topic_subscribed', topicId: 'news' });
    const anyLost = await startedBy({ type: 'topic_unsubscribed' });
    const { id } = tenant.organization;
    const [ada, ben] = [await tenant.contact(), await tenant.contact()];
    await rig.directory.patchContact(id, ada, { properties: { level: 'gold' } });
    await rig.directory.patchContact(id, ben, { properties: { level: 'tin' } });
    await rig.directory.changeSubscriptions([
      { ...about(ada), topicId: 'news' },
      { ...about(ada), topicId: 'offers' },
      { ...about(ada), topicId: 'offers', subscribed: false },
    ]);
    await settled();
    const people = async (workflowId: string) =>
      (await executionsOf(workflowId)).map(({ contactId }) => contactId).sort();
    expect(await people(created)).toEqual(expect.arrayContaining([ada, ben]));
    expect(await people(gold)).toEqual([ada]);
    expect(await people(news)).toEqual([ada]);
    expect(await people(anyLost)).toEqual([ada]);
    const [execution] = await executionsOf(news);
    expect(execution!.triggerEventId).toBeUndefined();
  });

  it('starts once, however often it is published', async () => {
    const workflowId = await startedBy({ type: 'contact_updated' });
    const contactId = await tenant.contact();
    const change: ContactChange = {
      id: uuidv7(),
      organizationId: tenant.organization.id,
      contactId,
      change: 'updated',
      atMs: Date.now(),
    };
    const message = encodeContactChange(change);
    await rig.publish(CONTACTS, [message, message]);
    await settled();
    await rig.publish(CONTACTS, [message]);
    await settled();
    const own = (await executionsOf(workflowId)).filter((execution) => execution.contactId === contactId);
    expect(own).toHaveLength(1);
  });

  it('starts nothing when a workflow did it: two that answer each other end', async () => {
    const mark = (id: string, field: string) => ({
      id,
      type: 'update_contact',
      config: { updates: [{ field, operation: 'increment', value: 1 }] },
    });
    const subscribe = { id: 'join', type: 'subscribe_topic', config: { topicId: 'loop' } };
    const first = await startedBy({ type: 'contact_updated' }, [mark('ping', 'pings'), subscribe]);
    const second = await startedBy({ type: 'topic_subscribed', topicId: 'loop' }, [mark('pong', 'pongs')]);
    const contactId = await tenant.contact();
    const { id } = tenant.organization;
    await rig.directory.patchContact(id, contactId, { firstName: 'Ada' });
    for (let round = 0; round < 3; round++) await settled();
    const own = (await executionsOf(first)).filter((execution) => execution.contactId === contactId);
    expect(own).toHaveLength(1);
    expect(await executionsOf(second)).toEqual([]);
    expect(await rig.directory.getContact(id, contactId)).toMatchObject({ properties: { pings: 1 } });
    expect(await rig.directory.subscriptions({ organizationId: id, contactId })).toMatchObject([
      { topicId: 'loop' },
    ]);
  });
});
