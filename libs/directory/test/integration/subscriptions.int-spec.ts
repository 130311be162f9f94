import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFixture, type Fixture } from './fixture.ts';

describe('subscriptions', () => {
  let fixture: Fixture;
  let organizationId: string;

  beforeAll(async () => {
    fixture = await startFixture();
    organizationId = await fixture.organization();
  }, 60_000);
  afterAll(async () => fixture?.close());

  let people = 0;
  const someone = async (): Promise<string> => {
    const made = await fixture.here.createContact(organizationId, { externalId: `person-${people++}` });
    if (made.outcome !== 'created') throw new Error(made.outcome);
    await fixture.changes();
    return made.contact.id;
  };
  const news = (contactId: string, subscribed = true) => ({
    organizationId,
    contactId,
    topicId: 'news',
    channel: null,
    subscribed,
  });

  it('are told once per change, and shown', async () => {
    const contactId = await someone();
    const ask = () =>
      fixture.here.changeSubscriptions([
        news(contactId),
        { ...news(contactId), channel: 'sms', subscribed: false },
        { ...news(contactId), topicId: 'offers', channel: 'email' },
      ]);
    expect(await ask()).toEqual(['changed', 'changed', 'changed']);
    expect(await fixture.there.subscriptions({ organizationId, contactId })).toMatchObject([
      { topicId: 'news', channels: ['email', 'whatsapp'] },
      { topicId: 'offers', channels: ['email'] },
    ]);
    const changes = await fixture.changes();
    expect(changes).toMatchObject([
      { change: 'subscribed', contactId, topicId: 'news' },
      { change: 'unsubscribed', contactId, topicId: 'news', channel: 'sms' },
      { change: 'subscribed', contactId, topicId: 'offers', channel: 'email' },
    ]);
    expect(changes[0]).not.toHaveProperty('channel');
    expect(await fixture.here.changeSubscriptions([{ ...news(contactId), channel: 'email' }])).toEqual([
      'unchanged',
    ]);
    expect(await fixture.here.changeSubscriptions([news(contactId, false)])).toEqual(['changed']);
    expect(await fixture.here.subscriptions({ organizationId, contactId })).toMatchObject([
      { topicId: 'offers' },
    ]);
  });

  it('with a cause are made once, however often and wherever they are asked for', async () => {
    const contactId = await someone();
    const request = { ...news(contactId), cause: 'execution/step/1' };
    const outcomes = await Promise.all(
      [fixture.here, fixture.there, fixture.here].map((directory) =>
        directory.changeSubscriptions([request]),
      ),
    );
    expect(outcomes.flat().sort()).toEqual(['changed', 'unchanged', 'unchanged']);
    await fixture.here.changeSubscriptions([{ ...news(contactId, false), cause: 'execution/step/2' }]);
    expect(await fixture.here.changeSubscriptions([request])).toEqual(['unchanged']);
    expect(await fixture.here.subscriptions({ organizationId, contactId })).toEqual([]);
    expect(await fixture.changes()).toMatchObject([
      { change: 'subscribed', cause: 'execution/step/1' },
      { change: 'unsubscribed', cause: 'execution/step/2' },
    ]);
  });

  it('go with a merged contact, where the one that stays has said nothing of the topic, and end with an erased one', async () => {
    const [from, into] = [await someone(), await someone()];
    await fixture.here.changeSubscriptions([
      news(from),
      { ...news(from), topicId: 'offers' },
      { ...news(into), channel: 'email' },
    ]);
    await fixture.here.mergeContacts(organizationId, from, into);
    expect(await fixture.here.subscriptions({ organizationId, contactId: into })).toMatchObject([
      { topicId: 'news', channels: ['email'] },
      { topicId: 'offers', channels: ['email', 'sms', 'whatsapp'] },
    ]);
    expect(await fixture.here.changeSubscriptions([{ ...news(from), topicId: 'alias' }])).toEqual([
      'changed',
    ]);
    expect(await fixture.here.subscriptions({ organizationId, contactId: into })).toHaveLength(3);
    await fixture.here.deleteContact(organizationId, into);
    const { rows } = await fixture.database.query({
      text: 'SELECT FROM directory.subscription WHERE contact_id = $1',
      values: [into],
    });
    expect(rows).toEqual([]);
  });

  it('of nobody, or to what no topic can be called, change nothing', async () => {
    const contactId = await someone();
    expect(
      await fixture.here.changeSubscriptions([
        news('nobody'),
        news('0193a5f2-7c1e-7b1a-9d53-3f0c2a9e4b11'),
        { ...news(contactId), topicId: '' },
        { ...news(contactId), topicId: 'a\u0000b' },
        news(contactId),
      ]),
    ).toEqual(['not_found', 'not_found', 'not_found', 'not_found', 'changed']);
  });

  it('tell of an update that a workflow made by whom it was made', async () => {
    const contactId = await someone();
    const updates = [{ field: 'level', operation: 'set' as const, value: 1 }];
    await fixture.here.updateContacts([{ organizationId, contactId, cause: 'e/s/1', updates }]);
    await fixture.here.patchContact(organizationId, contactId, { firstName: 'Ada' });
    const changes = (await fixture.changes()).filter((change) => change.contactId === contactId);
    expect(changes).toMatchObject([{ change: 'updated', cause: 'e/s/1' }, { change: 'updated' }]);
    expect(changes[1]).not.toHaveProperty('cause');
  });
});
