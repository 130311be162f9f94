import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ContactChange } from '@trackline/contracts';
import type { Organization } from '@trackline/directory';
import { uuidv7 } from '@trackline/kernel';
import { eventually, type Call } from '@trackline/testkit';
import type { RunningTimeline } from '../../src/start-timeline.ts';
import { anEvent, TimelineRig } from './timeline-rig.ts';

let rig: TimelineRig;
let timeline: RunningTimeline;
let organization: Organization;
let call: Call;

jest.setTimeout(60_000);

beforeAll(async () => {
  rig = await TimelineRig.open();
  timeline = await rig.start();
}, 30_000);

beforeEach(async () => {
  ({ organization, call } = await rig.organization(timeline));
});

afterAll(() => rig.close(), 20_000);

const change = (contactId: string, more: Partial<ContactChange>): ContactChange => ({
  id: uuidv7(),
  organizationId: organization.id,
  contactId,
  change: 'merged',
  atMs: Date.now(),
  ...more,
});

const idsOf = async (contactId: string): Promise<string[]> => {
  const { json } = await call('GET', `/v1/contacts/${contactId}/events`);
  return json.items.map((item: { id: string }) => item.id);
};

const sameList = (a: readonly string[], b: readonly string[]) => a.join() === b.join();

describe('contacts that were merged', () => {
  it('have one timeline, under whichever id it is asked for, also with what comes for the old id later', async () => {
    const [a, b, c] = await Promise.all([1, 2, 3].map(() => rig.contact(organization)));
    const startMs = Date.now() - 60_000;
    const event = (contactId: string, i: number) =>
      anEvent({ organizationId: organization.id, contactId, occurredAtMs: startMs + i * 1_000 });
    const before = [event(a!, 0), event(b!, 1), event(c!, 2), event(a!, 3)];
    await rig.admitted(...before);
    await rig.directory.mergeContacts(organization.id, a!, b!);
    await rig.directory.mergeContacts(organization.id, b!, c!);
    // Each contact's changes are in a partition of their own: the later merge may be heard of first.
    await rig.contactsChanged(change(b!, { into: c! }));
    await rig.contactsChanged(change(a!, { into: b! }), change(a!, { into: b! }));
    const late = event(a!, 4);
    await rig.admitted(late);
    const wanted = [...before, late].map((one) => one.eventId).reverse();
    await eventually(async () => sameList(await idsOf(c!), wanted));
    expect(await idsOf(a!)).toEqual(wanted);
    expect(await idsOf(b!)).toEqual(wanted);
    const receipt = await call('GET', `/v1/events/${before[0]!.eventId}`);
    expect(receipt.json.contactId).toBe(c);
    const list = await call('GET', '/v1/events');
    expect(list.json.items.map((item: { contactId: string }) => item.contactId)).toEqual([c, c, c, c, c]);
  });

  it('page through in one order', async () => {
    const [a, b] = await Promise.all([1, 2].map(() => rig.contact(organization)));
    const startMs = Date.now() - 60_000;
    const events = Array.from({ length: 30 }, (_, i) =>
      anEvent({
        organizationId: organization.id,
        contactId: i % 3 ? a! : b!,
        occurredAtMs: startMs + i * 1_000,
      }),
    );
    await rig.admitted(...events);
    await rig.directory.mergeContacts(organization.id, a!, b!);
    await rig.contactsChanged(change(a!, { into: b! }));
    await eventually(async () => (await idsOf(b!)).length === 30);
    const seen: string[] = [];
    let query = 'limit=7';
    for (;;) {
      const { json } = await call('GET', `/v1/contacts/${b}/events?${query}`);
      seen.push(...json.items.map((item: { id: string }) => item.id));
      if (json.nextCursor === null) break;
      query = `limit=7&cursor=${json.nextCursor}`;
    }
    expect(seen).toEqual(events.map((event) => event.eventId).reverse());
  });

  it('are not mixed up between organisations', async () => {
    const mine = await rig.contact(organization);
    const { organization: other } = await rig.organization(timeline);
    const theirs = await rig.contact(other);
    await rig.admitted(anEvent({ organizationId: other.id, contactId: theirs }));
    // A merge into another organisation's contact never happens; if it did, it would show nothing of theirs.
    await rig.contactsChanged(change(theirs, { into: mine }));
    await eventually(async () => (await rig.count('alias')) > 0);
    expect(await idsOf(mine)).toEqual([]);
  });

  it('in a circle end the question, not the service', async () => {
    const [a, b] = await Promise.all([1, 2].map(() => rig.contact(organization)));
    await rig.contactsChanged(change(a!, { into: b! }), change(b!, { into: a! }));
    const event = anEvent({ organizationId: organization.id, contactId: a! });
    await rig.admitted(event);
    await eventually(async () => sameList(await idsOf(a!), [event.eventId]));
  });
});

describe('a contact that was erased', () => {
  it('has no timeline any more, before and after the erasure is heard of', async () => {
    const contactId = await rig.contact(organization);
    const event = anEvent({ organizationId: organization.id, contactId });
    await rig.admitted(event);
    await eventually(async () => (await idsOf(contactId)).length === 1);
    await rig.directory.deleteContact(organization.id, contactId);
    expect((await call('GET', `/v1/contacts/${contactId}/events`)).status).toBe(404);
    await rig.contactsChanged(
      change(contactId, { change: 'erased' }),
      change(contactId, { change: 'created' }),
    );
    await eventually(async () => (await rig.count('tombstone')) === 1);
    expect((await call('GET', `/v1/contacts/${contactId}/events`)).status).toBe(404);
  });
});
