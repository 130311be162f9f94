import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually, uniqueName } from '@trackline/testkit';
import { startHarness, type Harness, type Organization } from './harness.ts';
import { connectMeta, lead } from './meta.ts';

/** Real work on a machine that may be busy with other things. */
jest.setTimeout(30_000);

let door: Harness;
let org: Organization;
let contact: { id: string; email: string; phone: string };
beforeAll(async () => {
  door = await startHarness();
  org = await door.organization();
  const body = { email: `${uniqueName('ada')}@example.com`, phone: '+33612345678' };
  contact = (await org.post('/v1/contacts', body)).json;
}, 60_000);
afterAll(() => door?.stop(), 60_000);

const send = (...conversations: unknown[]) => org.post('/v1/conversations', { conversations });
const wamid = () => `wamid.${uniqueName('HBgL')}`;
const touchesOf = (messageId: string) =>
  door.backstage.touches.filter((touch) => touch.messageId === messageId);

describe('conversations that were held elsewhere', () => {
  it('are told with the campaign behind them, by any of the contact’s names', async () => {
    const names = [
      { contactId: contact.id },
      { contactPhone: '0033 6 12 34 56 78' },
      { contactPhone: 33612345678 },
      { contactEmail: contact.email.toUpperCase() },
      { contactId: contact.id, contactEmail: 'nobody@example.com' },
    ];
    const campaign = { type: 'broadcast', id: 'black-friday', name: 'Black Friday' };
    const messageId = wamid();
    const occurredAt = new Date(Date.now() - 3_600_000).toISOString();
    const answer = await send(
      ...names.map((name) => ({ ...name, direction: 'outbound', messageId, campaign, occurredAt })),
    );
    expect([answer.status, answer.json]).toEqual([
      200,
      {
        success: true,
        processed: 5,
        errors: [],
        results: names.map((_, index) => ({ index, status: 'accepted' })),
      },
    ]);
    const touches = await eventually(() => touchesOf(messageId).length === 5 && touchesOf(messageId));
    expect(touches[0]).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      organizationId: org.id,
      contactId: contact.id,
      direction: 'outbound',
      occurredAtMs: Date.parse(occurredAt),
      source: 'api',
      messageId,
      campaign,
    });
    expect(new Set(touches.map(({ id }) => id)).size).toBe(1);
  });

  it('without a message id are the same when all that is told is, and each its own when not even the time is', async () => {
    const before = door.backstage.touches.length;
    const timed = { contactId: contact.id, direction: 'inbound', occurredAt: '2026-11-01T10:00:00Z' };
    const untimed = { contactId: contact.id, direction: 'inbound' };
    await send(timed, timed, { ...timed, direction: 'outbound' }, untimed, untimed);
    const touches = await eventually(
      () => door.backstage.touches.length === before + 5 && door.backstage.touches.slice(before),
    );
    const ids = new Set(touches.map(({ id }) => id));
    expect(ids.size).toBe(4);
    expect(touches[0]).not.toHaveProperty('campaign');
  });

  it('are judged item by item', async () => {
    const good = { contactId: contact.id, direction: 'inbound', messageId: wamid() };
    const answer = await send(
      1,
      {},
      { ...good, direction: 'sideways' },
      { ...good, contactId: 'nobody' },
      { direction: 'inbound' },
      { ...good, contactId: undefined, contactPhone: '06 12' },
      { ...good, occurredAt: 'yesterday' },
      { ...good, messageId: 'a\0' },
      { ...good, campaign: { type: 'party', id: '1' } },
      { ...good, campaign: { type: 'ad' } },
      { ...good, contactId: '\ud800' },
      good,
    );
    expect(answer.json.results.map(({ status }: { status: string }) => status)).toEqual([
      'invalid',
      'invalid',
      'invalid',
      'contact_not_found',
      'contact_not_found',
      'contact_not_found',
      'invalid',
      'invalid',
      'invalid',
      'invalid',
      'contact_not_found',
      'accepted',
    ]);
    expect([answer.status, answer.json.success, answer.json.processed, answer.json.errors.length]).toEqual([
      200,
      false,
      1,
      11,
    ]);
    expect(answer.json.errors[3]).toBe('conversations[3]: Contact not found');
    await eventually(() => touchesOf(good.messageId)[0]);
  });

  it('may be none, up to 1,000, and not more', async () => {
    expect((await send()).json).toEqual({ success: true, processed: 0, errors: [], results: [] });
    const one = { contactId: contact.id, direction: 'inbound', occurredAt: '2026-11-02T10:00:00Z' };
    expect((await send(...Array(1_000).fill(one))).json.processed).toBe(1_000);
    expect((await send(...Array(1_001).fill(one))).status).toBe(400);
    expect((await org.post('/v1/conversations', { conversations: 1 })).status).toBe(400);
  });

  it('tell whose message it was, before and after Meta speaks of it', async () => {
    const meta = await connectMeta(door, org);
    const [known, unknown] = [wamid(), wamid()];
    await send({ contactId: contact.id, direction: 'outbound', messageId: known });
    await meta.send(meta.payload('automatic_events', lead(known), lead(unknown)));
    const eventOf = (messageId: string) =>
      eventually(() => door.backstage.received.find(({ uniqueId }) => uniqueId?.includes(`:${messageId}:`)));
    expect((await eventOf(known)).contactId).toBe(contact.id);
    const provisional = (await eventOf(unknown)).contactId;
    expect(provisional).not.toBe(contact.id);
    await send({ contactId: contact.id, direction: 'outbound', messageId: unknown });
    await eventually(async () => (await org.get(`/v1/contacts/${provisional}`)).json.id === contact.id);
  });

  it('need a key that may write events', async () => {
    const call = door.call('POST', '/v1/conversations', { body: { conversations: [] } });
    expect((await call).status).toBe(401);
  });
});
