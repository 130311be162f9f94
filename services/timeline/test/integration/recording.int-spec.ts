import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  ADMITTED,
  decodeAdmitted,
  encodeAdmitted,
  REDRIVE_GROUP,
  type AdmittedEvent,
} from '@trackline/contracts';
import type { Organization } from '@trackline/directory';
import { systemClock } from '@trackline/kernel';
import { eventually, type Call } from '@trackline/testkit';
import { admittedWriter } from '../../src/adapters/postgres/judged-event-writer.ts';
import { partitionInventory } from '../../src/adapters/postgres/partition-inventory.ts';
import { positionReader } from '../../src/adapters/postgres/positions.ts';
import { KnownPositions } from '../../src/pipeline/known-positions.ts';
import { recordJudged } from '../../src/pipeline/record-judged.ts';
import type { RunningTimeline } from '../../src/start-timeline.ts';
import { anEvent, asMessages, TimelineRig } from './timeline-rig.ts';

let rig: TimelineRig;
let timeline: RunningTimeline;
let organization: Organization;
let call: Call;

beforeAll(async () => {
  rig = await TimelineRig.open();
  timeline = await rig.start();
  ({ organization, call } = await rig.organization(timeline));
}, 30_000);

afterAll(() => rig.close(), 20_000);

const idsOf = async (contactId: string): Promise<string[]> => {
  const { json } = await call('GET', `/v1/contacts/${contactId}/events?limit=200`);
  return json.items.map((item: { id: string }) => item.id);
};

describe('an admitted event', () => {
  it('is on the timeline of its contact, whole, and has a receipt', async () => {
    const contactId = await rig.contact(organization);
    const event = anEvent({ organizationId: organization.id, contactId, uniqueId: 'order-1' });
    await rig.admitted(event);
    const item = {
      id: event.eventId,
      name: 'page_viewed',
      properties: { path: '/prices' },
      occurredAt: new Date(event.occurredAtMs).toISOString(),
      receivedAt: new Date(event.receivedAtMs).toISOString(),
      source: `/organizations/${organization.id}/http`,
      uniqueId: 'order-1',
    };
    const page = await eventually(async () => {
      const answer = await call('GET', `/v1/contacts/${contactId}/events`);
      return answer.status === 200 && answer.json.items.length === 1 && answer;
    });
    expect(page.json).toEqual({ items: [item], nextCursor: null });
    const receipt = await call('GET', `/v1/events/${event.eventId}`);
    expect(receipt.json).toEqual({
      ...item,
      contactId,
      verdict: 'admitted',
      workflowsTriggered: 0,
      executionsResumed: 0,
      executions: [],
    });
  });

  it('is put down once, however often and in whatever company it is published', async () => {
    const contactId = await rig.contact(organization);
    const at = { organizationId: organization.id, contactId };
    const events = Array.from({ length: 50 }, () => anEvent(at));
    await rig.admitted(...events.slice(0, 20));
    await rig.admitted(...events.slice(0, 20));
    await rig.admitted(...events.slice(10), ...events.slice(30));
    await rig.admitted(...events);
    const last = anEvent(at);
    await rig.admitted(last);
    await eventually(async () => (await idsOf(contactId)).includes(last.eventId));
    expect((await idsOf(contactId)).sort()).toEqual([...events, last].map((event) => event.eventId).sort());
  });

  it('is not put down again by a replay, and the replay’s place counts as seen', async () => {
    const contactId = await rig.contact(organization);
    const first = anEvent({ organizationId: organization.id, contactId });
    const replay = anEvent({ ...first, receivedAtMs: first.receivedAtMs + 5_000 });
    const other = anEvent({ organizationId: organization.id, contactId });
    const placed = { ...replay, position: { source: 'received.1.7', offset: 3 }, replayOf: first.position };
    await rig.admitted(first, placed, other);
    await eventually(async () => (await idsOf(contactId)).length === 2);
    const { rows } = await rig.database.query<{ source_offset: number }>({
      text: `SELECT source_offset FROM timeline.position WHERE source = 'received.1.7'`,
    });
    expect(rows).toEqual([{ source_offset: 3 }]);
  });
});

describe('two processes that hold one partition, the one a zombie', () => {
  it('put each event down once between them, and neither loses one', async () => {
    const contactId = await rig.contact(organization);
    const events = Array.from({ length: 400 }, (_, offset) =>
      anEvent({
        organizationId: organization.id,
        contactId,
        position: { source: 'received.1.9', offset },
      }),
    );
    const messages = asMessages(events.map(encodeAdmitted));
    const owner = (assignment: number) => {
      const flow = recordJudged<AdmittedEvent>({
        decode: decodeAdmitted,
        hasEffect: () => true,
        positions: new KnownPositions(positionReader(rig.database)),
        writer: admittedWriter(rig.database, partitionInventory(rig.database), rig.orderRecorder()),
        clock: systemClock,
      });
      return async (from: number, to: number) =>
        flow({ topic: ADMITTED, partition: 77, assignment, messages: messages.slice(from, to) });
    };
    const [zombie, successor] = [owner(1), owner(2)];
    let written = 0;
    for (let from = 0; from < messages.length; from += 40) {
      const outcomes = await Promise.all([
        zombie(from, from + 40),
        successor(Math.max(0, from - 20), from + 30),
      ]);
      for (const outcome of outcomes) written += 'written' in outcome ? outcome.written : Number.NaN;
    }
    expect(written).toBe(400);
    expect((await idsOf(contactId)).length).toBe(200);
    const { rows } = await rig.database.query({
      text: 'SELECT source_offset FROM timeline.position WHERE partition = 77',
    });
    expect(rows).toEqual([{ source_offset: 399 }]);
  });
});

describe('a message that cannot be put down', () => {
  it.each([
    ['properties with a NUL', { properties: String.raw`{"note":"a\u0000b"}` }, 'not_storable', /\\u0000/],
    ['properties that are no JSON', { properties: '{"note":' }, 'not_storable', /json/i],
    ['a number past all bounds', { properties: `{"n":1e999999}` }, 'not_storable', /out of range|overflow/],
    ['a contact that is no id', { contactId: 'nobody' }, 'not_storable', /uuid/],
    ['a year in which nobody lives', { occurredAtMs: Date.UTC(9999, 1, 1) }, 'time_out_of_range', /9999/],
  ])(
    '%s: goes to the dead letters with its reason, and stops no other',
    async (_, broken, reason, detail) => {
      const contactId = await rig.contact(organization);
      const at = { organizationId: organization.id, contactId };
      const good = Array.from({ length: 30 }, () => anEvent(at));
      const bad = anEvent({ ...at, ...broken });
      // A message goes to the partition of its contact: the broken one shall lie among the good ones.
      const key = encodeAdmitted(good[0]!).key;
      const messages = [...good.slice(0, 11), bad, ...good.slice(11)].map(encodeAdmitted);
      await rig.publish(messages.map((message) => ({ ...message, key })));
      await eventually(async () => (await idsOf(contactId)).length === 30);
      const letter = await rig.deadLetter(ADMITTED, bad.eventId);
      expect(letter['dlq-reason']).toBe(reason);
      expect(letter['dlq-detail']).toMatch(detail);
      expect(letter['dlq-group']).toBe('timeline');
    },
  );

  it('without a header that it must have: is named in the dead letter', async () => {
    const contactId = await rig.contact(organization);
    const event = anEvent({ organizationId: organization.id, contactId });
    const message = encodeAdmitted(event);
    const { ce_position, ...headers } = message.headers;
    expect(ce_position).toBeDefined();
    await rig.publish([{ ...message, headers }]);
    const letter = await rig.deadLetter(ADMITTED, event.eventId);
    expect(letter['dlq-reason']).toBe('undecodable');
    expect(letter['dlq-detail']).toContain('ce_position');
  });
});

describe('an event that is sent back from the dead letters', () => {
  it('is put down though its place was passed long ago, once, and only when it is for this group', async () => {
    const contactId = await rig.contact(organization);
    const at = { organizationId: organization.id, contactId };
    const [letter, forAnother] = [anEvent(at), anEvent(at)];
    const passing = anEvent(at);
    await rig.admitted(passing);
    await eventually(async () => (await idsOf(contactId)).length === 1);
    const sentBack = (event: AdmittedEvent, group: string) => {
      const message = encodeAdmitted(event);
      return { ...message, headers: { ...message.headers, [REDRIVE_GROUP]: group } };
    };
    await rig.publish([
      sentBack(forAnother, 'trigger'),
      sentBack(letter, 'timeline'),
      sentBack(letter, 'timeline'),
    ]);
    const last = anEvent(at);
    await rig.admitted(last);
    await eventually(async () => (await idsOf(contactId)).includes(last.eventId));
    expect((await idsOf(contactId)).sort()).toEqual(
      [passing, letter, last].map(({ eventId }) => eventId).sort(),
    );
  });
});
