import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Organization } from '@trackline/directory';
import { eventually, FaultProxy, seededRandom, type Call } from '@trackline/testkit';
import type { RunningTimeline } from '../../src/start-timeline.ts';
import { anEvent, TimelineRig } from './timeline-rig.ts';

const SEED = 20_261_120;

let rig: TimelineRig;
let proxy: FaultProxy;
let timeline: RunningTimeline;
let organization: Organization;
let call: Call;

beforeAll(async () => {
  rig = await TimelineRig.open();
  const url = new URL(rig.databaseUrl);
  proxy = new FaultProxy({ host: url.hostname, port: Number(url.port) }, seededRandom(SEED));
  url.host = `127.0.0.1:${await proxy.listen()}`;
  timeline = await rig.start(undefined, { DATABASE_URL: url.toString() });
  ({ organization, call } = await rig.organization(timeline));
}, 30_000);

afterAll(async () => {
  proxy.set({});
  await rig.close();
  await proxy.close();
}, 20_000);

/** Past the service and its faults. */
const idsOf = async (contactId: string): Promise<string[]> => {
  const { rows } = await rig.database.query<{ id: string }>({
    text: 'SELECT id FROM timeline.event WHERE contact_id = $1',
    values: [contactId],
  });
  return rows.map((row) => row.id);
};

describe('a database that is away', () => {
  it('makes readers come again, and events wait: they are put down when it is back, with no dead letter', async () => {
    const contactId = await rig.contact(organization);
    const events = Array.from({ length: 20 }, () => anEvent({ organizationId: organization.id, contactId }));
    proxy.set({ away: true });
    await rig.admitted(...events);
    for (const path of [
      `/v1/contacts/${contactId}/events`,
      '/v1/events',
      `/v1/events/${events[0]!.eventId}`,
    ]) {
      const answer = await call('GET', path);
      expect(answer).toMatchObject({ status: 503, json: { success: false, code: 'UNAVAILABLE' } });
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    const ready = await call('GET', '/health/ready');
    expect(ready).toMatchObject({ status: 503, json: { parts: { postgres: 'not_ready' } } });
    expect((await call('GET', '/health/live')).status).toBe(200);
    proxy.set({});
    await eventually(async () => (await idsOf(contactId)).length === 20);
    await eventually(async () => (await call('GET', '/health/ready')).status === 200);
    expect((await call('GET', `/v1/contacts/${contactId}/events`)).json.items).toHaveLength(20);
  }, 20_000);

  it('or loses replies, also that of a commit: each event is put down once', async () => {
    const contactIds = await Promise.all(Array.from({ length: 10 }, () => rig.contact(organization)));
    proxy.set({ cutReplyRatio: 0.05 });
    const sent = new Map<string, string[]>(contactIds.map((id) => [id, []]));
    for (let round = 0; proxy.counts.repliesCut < 6 && round < 1_000; round += 1) {
      const events = contactIds.map((contactId) => anEvent({ organizationId: organization.id, contactId }));
      for (const { contactId, eventId } of events) sent.get(contactId)!.push(eventId);
      await rig.admitted(...events);
    }
    proxy.set({});
    expect(proxy.counts.repliesCut).toBeGreaterThanOrEqual(6);
    for (const [contactId, ids] of sent) {
      const there = await eventually(
        async () => {
          const found = await idsOf(contactId);
          return found.length >= ids.length && found;
        },
        { withinMs: 20_000 },
      );
      expect(there.sort()).toEqual(ids.sort());
    }
  }, 45_000);
});
