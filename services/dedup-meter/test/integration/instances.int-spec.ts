import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { INBOUND } from '@trackline/contracts';
import { eventually, httpClient, uniqueName } from '@trackline/testkit';
import { monthKey } from '../../src/adapters/redis/keys.ts';
import { startDedupMeter } from '../../src/start-dedup-meter.ts';
import { MeterRig, type Customer } from './meter-rig.ts';

jest.setTimeout(30_000);

let rig: MeterRig;

beforeAll(async () => {
  rig = await MeterRig.open();
});

afterEach(() => rig.stopAll());
afterAll(() => rig?.close());

const month = () => new Date().toISOString().slice(0, 7);

function inboundOf({ organization, contactId }: Customer, headers: Record<string, string> = {}) {
  return {
    key: `${organization.id}:${uniqueName('any')}`,
    value: JSON.stringify({ name: 'n', contactId }),
    headers: {
      ce_specversion: '1.0',
      ce_id: uniqueName('id'),
      ce_source: `/organizations/${organization.id}/test`,
      ce_type: 'com.trackline.event.track',
      ...headers,
    },
  };
}

/** Sets the group back to the beginning, as an operator may by hand. */
async function rewind(): Promise<void> {
  const admin = rig.connection.newClient().admin();
  await admin.connect();
  await admin.deleteGroups([rig.connection.withPrefix('dedup-meter')]);
  await admin.disconnect();
}

describe('instances of the service', () => {
  it('hold one cap together, by both doors, over all partitions', async () => {
    const customer = await rig.customer('custom', 200);
    await Promise.all([rig.start({ BATCH_MESSAGES: '20' }), rig.start({ BATCH_MESSAGES: '20' })]);
    const contacts = await Promise.all(
      Array.from({ length: 8 }, () => rig.contact(customer.organization.id, uniqueName('c'))),
    );
    for (let round = 0; round < 8; round++) {
      await Promise.all([
        rig.receive(
          ...contacts.flatMap((contactId) => [1, 2, 3].map(() => rig.event(customer, { contactId }))),
        ),
        rig.inbound(...contacts.map((contactId) => inboundOf({ ...customer, contactId }))),
      ]);
    }
    const { admitted, refused } = await rig.verdicts(customer, 256);
    expect([admitted.length, refused.length, await rig.used(customer)]).toEqual([250, 6, 250]);
    expect(admitted.map(({ monthUsed }) => monthUsed).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 250 }, (_, i) => i + 1),
    );
    expect(await rig.redis.hget(monthKey(customer.organization.id, month()), 'total')).toBe('250');
  });

  it('let one of many with the same unique id in, whichever partition, door and instance it came by', async () => {
    const customer = await rig.customer();
    await Promise.all([rig.start(), rig.start()]);
    const contacts = await Promise.all(
      Array.from({ length: 6 }, () => rig.contact(customer.organization.id, uniqueName('c'))),
    );
    for (let i = 0; i < 10; i++) {
      await rig.receive(
        ...contacts.map((contactId) => rig.event(customer, { contactId, name: `n${i}`, uniqueId: 'u' })),
      );
    }
    const { admitted, refused } = await rig.verdicts(customer, 60);
    expect(admitted.map(({ name }) => name).sort()).toEqual(Array.from({ length: 10 }, (_, i) => `n${i}`));
    const firstOf = new Map(admitted.map(({ name, eventId }) => [name, eventId]));
    for (const { name, refusal } of refused) {
      expect(refusal).toEqual({ verdict: 'duplicate', duplicateOf: firstOf.get(name) });
    }
  });

  it('say nothing new and count nothing when offsets are set back', async () => {
    const customer = await rig.customer();
    const first = await rig.start();
    await rig.receive(...Array.from({ length: 10 }, () => rig.event(customer)));
    await rig.inbound(inboundOf(customer), { ...inboundOf(customer), value: 'broken' });
    const before = await rig.verdicts(customer, 11);
    await rig.stop(first);
    await rewind();
    await rig.start();
    await rig.receive(rig.event(customer, { name: 'after' }));
    const { admitted } = await eventually(async () => {
      const now = await rig.verdicts(customer, 12);
      return now.admitted.some(({ name }) => name === 'after') && now;
    });
    const positions = (events: typeof admitted) =>
      new Set(events.map(({ position, eventId }) => `${position.source}@${position.offset} ${eventId}`));
    expect(positions(admitted).size).toBe(positions(before.admitted).size + 1);
    expect(await rig.used(customer)).toBe(12);
  });

  it('go on by themselves when Redis is flushed under load: no verdict changes, the cap stays exact', async () => {
    const customer = await rig.customer('custom', 160);
    await rig.start({ BATCH_MESSAGES: '10' });
    const uniques = Array.from({ length: 40 }, (_, i) => `u${i}`);
    const send = (ids: readonly string[]) =>
      rig.receive(...ids.map((uniqueId) => rig.event(customer, { uniqueId })));
    await send(uniques);
    await rig.verdicts(customer, 40);
    const plain = Array.from({ length: 200 }, () => rig.event(customer));
    await Promise.all([rig.receive(...plain), rig.redis.flushdb()]);
    await rig.redis.flushdb();
    await send(uniques);
    const { admitted, refused } = await rig.verdicts(customer, 280);
    const duplicates = refused.filter(({ refusal }) => refusal.verdict === 'duplicate');
    expect(duplicates.map(({ uniqueId }) => uniqueId).sort()).toEqual([...uniques].sort());
    expect([admitted.length, await rig.used(customer)]).toEqual([200, 200]);
    expect(await rig.redis.hget(monthKey(customer.organization.id, month()), 'total')).toBe('200');
  });

  it('ask each inbound message for a key of its organisation when told to', async () => {
    const [customer, stranger] = await Promise.all([rig.customer(), rig.customer()]);
    const reader = (await rig.directory.createKey(customer.organization.id, { name: 'r', scopes: ['read'] }))!
      .key;
    await rig.start({ INBOUND_AUTH: 'key' });
    await rig.inbound(
      inboundOf(customer, { authorization: `Bearer ${customer.key}` }),
      inboundOf(customer),
      inboundOf(customer, { authorization: `Bearer ${stranger.key}` }),
      inboundOf(customer, { authorization: 'Bearer tl_live_nonsense' }),
      inboundOf(customer, { authorization: `Bearer ${reader}` }),
    );
    await rig.verdicts(customer, 1);
    const letters = await eventually(() => {
      const found = rig
        .messages(`${INBOUND}.dlq`)
        .map(({ message }) => message)
        .filter(({ headers }) => String(headers['dlq-reason']) === 'unauthorized');
      return found.length >= 4 && found;
    });
    expect(letters.map(({ headers }) => String(headers['dlq-detail'])).sort()).toEqual([
      'The header "authorization: Bearer <key>" is missing.',
      'The key belongs to another organization than "ce_source" names.',
      'The key is not known.',
      'The key lacks the scope "events:write".',
    ]);
    expect(await rig.used(customer)).toBe(1);
  });

  it('tell that they are ready, and what they did', async () => {
    const customer = await rig.customer();
    const meter = await rig.start();
    const call = httpClient(meter.url);
    expect((await call('GET', '/health/ready')).json).toMatchObject({ status: 'ready' });
    await rig.receive(rig.event(customer));
    await rig.verdicts(customer, 1);
    await eventually(async () => {
      const { text } = await call('GET', '/metrics');
      return (
        /outcomes_total\{[^}]*outcome="admitted"[^}]*\} 1/.test(text) &&
        /incidents_total\{[^}]*what="term_raised"/.test(text)
      );
    });
  });

  it('do not start on a database that was not migrated', async () => {
    const config = rig.config({ DATABASE_URL: process.env.DATABASE_URL! });
    await expect(startDedupMeter(config, rig.logger(config))).rejects.toThrow(
      /run the migrations of directory and dedup-meter/,
    );
  });
});
