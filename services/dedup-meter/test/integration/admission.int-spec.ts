import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { decodeProgress, PROGRESS, USAGE, type UsageNotice } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import { eventually, uniqueName } from '@trackline/testkit';
import type { RunningDedupMeter } from '../../src/start-dedup-meter.ts';
import { MeterRig } from './meter-rig.ts';

jest.setTimeout(30_000);

let rig: MeterRig;
let meter: RunningDedupMeter;

beforeAll(async () => {
  rig = await MeterRig.open();
  meter = await rig.start({ TICK_MS: '300', PROGRESS_MS: '50' });
});

afterAll(() => rig?.close());

describe('admission', () => {
  it('admits what is new, in order, and counts it', async () => {
    const customer = await rig.customer();
    const events = [rig.event(customer), rig.event(customer, { name: 'bought', properties: '{"p":"ü"}' })];
    await rig.receive(...events);
    const { admitted } = await rig.verdicts(customer, 2);
    expect(admitted.map(({ eventId }) => eventId)).toEqual(events.map(({ eventId }) => eventId));
    expect(admitted.map(({ monthUsed }) => monthUsed)).toEqual([1, 2]);
    expect(admitted[1]).toMatchObject({ name: 'bought', contactId: customer.contactId });
    expect(String(admitted[1]!.properties)).toBe('{"p":"ü"}');
    expect(await rig.used(customer)).toBe(2);
  });

  it('refuses the second use of a unique id, names the first, tells who waits, and counts nothing', async () => {
    const customer = await rig.customer();
    const first = rig.event(customer, { uniqueId: 'order-1' });
    await rig.receive(first);
    await rig.verdicts(customer, 1);
    const correlation = uniqueName('caller');
    const second = rig.event(customer, { uniqueId: 'order-1', replyTo: `0/${correlation}` });
    const other = rig.event(customer, { uniqueId: 'order-1', name: 'another name' });
    await rig.receive(second, other);
    const { admitted, refused } = await rig.verdicts(customer, 3);
    expect(admitted.map(({ eventId }) => eventId)).toEqual([first.eventId, other.eventId]);
    expect(refused).toMatchObject([
      { eventId: second.eventId, refusal: { verdict: 'duplicate', duplicateOf: first.eventId } },
    ]);
    const outcome = await eventually(() => rig.outcomes().find((one) => one.correlation === correlation));
    expect(outcome).toEqual({
      correlation,
      eventId: second.eventId,
      verdict: 'duplicate',
      duplicateOf: first.eventId,
      workflowsTriggered: 0,
      executionsResumed: 0,
      monthUsed: 1,
    });
    expect(await rig.used(customer)).toBe(2);
  });

  it('takes an event id that comes again for the first: a replay with its position, free', async () => {
    const customer = await rig.customer();
    const event = rig.event(customer);
    await rig.receive(event);
    const [first] = (await rig.verdicts(customer, 1)).admitted;
    await rig.receive(event);
    const { admitted } = await rig.verdicts(customer, 2);
    expect(admitted[1]).toMatchObject({ eventId: event.eventId, replayOf: first!.position, monthUsed: 1 });
    expect(await rig.used(customer)).toBe(1);
  });

  it('sends a replay to the contact of the first, where the first took effect', async () => {
    const customer = await rig.customer();
    const elsewhere = await rig.contact(customer.organization.id, uniqueName('elsewhere'));
    const event = rig.event(customer);
    await rig.receive(event);
    await rig.verdicts(customer, 1);
    await rig.receive({ ...event, contactId: elsewhere });
    const { admitted } = await rig.verdicts(customer, 2);
    expect(admitted[1]).toMatchObject({ contactId: customer.contactId, replayOf: admitted[0]!.position });
  });

  it('sees repeats within one batch', async () => {
    const customer = await rig.customer();
    const resent = rig.event(customer);
    const unique = () => rig.event(customer, { uniqueId: 'same' });
    const events = [resent, unique(), resent, unique(), resent, unique()];
    await rig.receive(...events);
    const { admitted, refused } = await rig.verdicts(customer, events.length);
    expect(admitted.map(({ replayOf }) => replayOf !== undefined)).toEqual([false, false, true, true]);
    expect(refused.map(({ refusal }) => refusal)).toEqual([
      { verdict: 'duplicate', duplicateOf: events[1]!.eventId },
      { verdict: 'duplicate', duplicateOf: events[1]!.eventId },
    ]);
    expect(await rig.used(customer)).toBe(2);
  });

  it('holds to the hard cap; what it refuses claims no identity and is judged anew when it comes again', async () => {
    const customer = await rig.customer('custom', 4);
    const events = Array.from({ length: 8 }, (_, i) => rig.event(customer, { uniqueId: `u${i}` }));
    await rig.receive(...events);
    const { admitted, refused } = await rig.verdicts(customer, 8);
    expect(admitted.map(({ monthUsed }) => monthUsed)).toEqual([1, 2, 3, 4, 5]);
    expect(refused.map(({ refusal, monthUsed }) => [refusal.verdict, monthUsed])).toEqual(
      Array(3).fill(['over_limit', 5]),
    );
    await rig.directory.updateOrganization(customer.organization.id, { monthlyLimit: 100 });
    await rig.receive(
      events[5]!,
      rig.event(customer, { uniqueId: 'u6' }),
      rig.event(customer, { uniqueId: 'u0' }),
    );
    const after = await rig.verdicts(customer, 11);
    expect(after.admitted.slice(5).map(({ eventId, monthUsed }) => [eventId, monthUsed])).toEqual([
      [events[5]!.eventId, 6],
      [expect.any(String), 7],
    ]);
    expect(after.refused.at(-1)).toMatchObject({ refusal: { duplicateOf: events[0]!.eventId } });
    expect(await rig.used(customer)).toBe(7);
  });

  it('lets a plan take effect at once, downwards too', async () => {
    const customer = await rig.customer('scale');
    await rig.receive(rig.event(customer), rig.event(customer));
    await rig.verdicts(customer, 2);
    await rig.directory.updateOrganization(customer.organization.id, { plan: 'custom', monthlyLimit: 2 });
    await rig.receive(rig.event(customer));
    const { refused } = await rig.verdicts(customer, 3);
    expect(refused).toMatchObject([{ refusal: { verdict: 'over_limit' }, monthUsed: 2 }]);
  });

  it('says once each that 80, 100 and 125 percent were reached', async () => {
    const customer = await rig.customer('custom', 20);
    for (let batch = 0; batch < 6; batch++) {
      await rig.receive(...Array.from({ length: 5 }, () => rig.event(customer)));
      await rig.verdicts(customer, (batch + 1) * 5);
    }
    const notices = () =>
      rig
        .messages(USAGE)
        .map(({ message }) => JSON.parse(String(message.value)) as UsageNotice)
        .filter(({ organizationId }) => organizationId === customer.organization.id);
    await eventually(() => notices().length >= 3);
    expect(
      notices().map(({ thresholdPercent, used, monthlyLimit }) => [thresholdPercent, used, monthlyLimit]),
    ).toEqual([
      [80, 16, 20],
      [100, 20, 20],
      [125, 25, 20],
    ]);
  });

  it('keeps what it cannot read from the judge, with the reason', async () => {
    const customer = await rig.customer();
    const stranger = rig.event(customer, { organizationId: uuidv7() });
    await rig.receive(stranger, rig.event(customer, { eventId: 'no-uuid' }), rig.event(customer));
    await rig.verdicts(customer, 1);
    const letters = await eventually(() => {
      const found = rig.messages('events.received.v1.dlq').map(({ message }) => message);
      return found.length >= 2 && found;
    });
    expect(letters.map(({ headers }) => String(headers['dlq-reason'])).sort()).toEqual([
      'undecodable',
      'unknown_organization',
    ]);
    expect(await rig.used(customer)).toBe(1);
  });

  it('reports usage as the ledger has it', async () => {
    const customer = await rig.customer('custom', 4);
    await rig.receive(...Array.from({ length: 6 }, () => rig.event(customer)));
    await rig.verdicts(customer, 6);
    const today = new Date().toISOString().slice(0, 10);
    const { status, json } = await rig.call(meter, customer)('GET', '/v1/usage/');
    expect(status).toBe(200);
    expect(json).toEqual({
      period: today.slice(0, 7),
      plan: 'custom',
      limit: 4,
      hardCap: 5,
      used: 5,
      remaining: 0,
      percent: 125,
      zone: 'exhausted',
      resetsAt: expect.stringMatching(/^\d{4}-\d\d-01T00:00:00.000Z$/),
      days: [{ date: today, used: 5 }],
      months: [{ period: today.slice(0, 7), used: 5 }],
    });
    expect((await rig.call(meter, { ...customer, key: 'tl_live_nonsense' })('GET', '/v1/usage')).status).toBe(
      401,
    );
  });

  it('tells how far each source has been decided, also where nothing comes', async () => {
    const customer = await rig.customer();
    await rig.receive(rig.event(customer));
    const [admitted] = (await rig.verdicts(customer, 1)).admitted;
    const { source } = admitted!.position;
    const moved = await eventually(() =>
      rig.progress().find((one) => one.source === source && one.decidedUpToMs >= admitted!.receivedAtMs),
    );
    expect(Math.max(...Object.values(moved.admittedEnds))).toBeGreaterThan(0);
    // By ticks alone: no event comes by the inbound door here.
    const before = rig.progress().length;
    const ticked = await eventually(() => {
      const later = rig.progress().slice(before);
      return new Set(later.map((one) => one.source)).size === 4 && later;
    });
    expect(new Set(ticked.map((one) => one.source))).toEqual(
      new Set(['received.1.0', 'received.1.1', 'inbound.1.0', 'inbound.1.1']),
    );
    for (const { message } of rig.messages(PROGRESS)) {
      expect(Object.keys(decodeProgress(message).admittedEnds)).toEqual(['0', '1']);
    }
  });
});
