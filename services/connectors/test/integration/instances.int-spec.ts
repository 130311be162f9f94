import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Queryable } from '@trackline/postgres';
import { eventually } from '@trackline/testkit';
import { deliveryStore } from '../../src/adapters/postgres/delivery-store.ts';
import { Load } from '../../src/domain/allotment.ts';
import type { ClaimedDelivery } from '../../src/domain/delivery.ts';
import { ConnectorsRig, type Tenant } from '../connectors-rig.ts';
import { Receiver } from '../receiver.ts';

jest.setTimeout(120_000);

let rig: ConnectorsRig;
let tenants: readonly Tenant[];
let receiver: Receiver;

beforeAll(async () => {
  [rig, receiver] = await Promise.all([ConnectorsRig.open(), Receiver.open()]);
  tenants = await Promise.all(Array.from({ length: 5 }, () => rig.tenant()));
}, 60_000);
afterAll(async () => {
  await receiver.close();
  await rig.close();
});

const LIMITS = { total: 100, perOrganization: 50, perDestination: 20 };

/** As a process of its own would claim, which then may die. */
const claim = (leaseMs: number): Promise<ClaimedDelivery[]> => {
  const load = new Load(LIMITS);
  return deliveryStore(rig.database).claim({
    kind: 'webhook',
    leaseMs,
    queues: 100,
    full: () => load.full(),
    allot: (queues) => load.allot(queues),
  });
};

const put = (count: number) =>
  deliveryStore(rig.database).take(
    Array.from({ length: count }, (_, n) => ({
      action: tenants[n % tenants.length]!.webhook(`${receiver.url}/${n}`),
      destination: `host-${n % 7}`,
      source: { partition: 0, offset: n },
      redriven: false,
    })),
  );

describe('several claimers', () => {
  it('never have the same delivery at once, and together get all of them', async () => {
    await put(400);
    const mine = new Set<string>();
    for (let round = 0; mine.size < 400 && round < 50; round++) {
      const claims = await Promise.all(Array.from({ length: 4 }, () => claim(60_000)));
      for (const { action } of claims.flat()) {
        expect(mine.has(action.id)).toBe(false);
        mine.add(action.id);
      }
    }
    expect(mine.size).toBe(400);
    expect(await claim(60_000)).toEqual([]);
  }, 30_000);

  it('get what one of them left behind once its lease ends, and it gets nothing done any more', async () => {
    const store = deliveryStore(rig.database);
    await put(10);
    const left = await claim(300);
    expect(left).toHaveLength(10);
    expect(await claim(300)).toEqual([]);
    const found = await eventually(async () => {
      const again = await claim(60_000);
      return again.length > 0 && again;
    });
    expect(found.map(({ action }) => action.id).sort()).toEqual(left.map(({ action }) => action.id).sort());
    expect(found.map(({ attempts }) => attempts)).toEqual(found.map(() => 2));
    const ending = { status: 'delivered', detail: {}, messages: [] } as const;
    expect(await store.end(left[0]!, ending)).toBe(false);
    expect(await store.again(left[0]!, 0, {})).toBe(false);
    expect(await store.end({ ...left[0]!, lease: randomUUID() }, ending)).toBe(false);
    expect(
      await store.end(
        found.find(({ action }) => action.id === left[0]!.action.id)!,
        ending,
      ),
    ).toBe(true);
  }, 30_000);

  it('find what one of them put back untried, counted as if it had not been claimed', async () => {
    await rig.database.query({ text: 'TRUNCATE connectors.delivery, connectors.queue' });
    const store = deliveryStore(rig.database);
    await put(1);
    const beforeMs = Date.now();
    const [first] = await claim(60_000);
    expect(first!.leaseEndsAtMs).toBeGreaterThanOrEqual(beforeMs + 60_000);
    expect(first!.leaseEndsAtMs).toBeLessThanOrEqual(Date.now() + 60_000);
    expect(await store.putBack(first!, 0)).toBe(true);
    expect(await store.putBack(first!, 0)).toBe(false);
    const [second] = await eventually(async () => {
      const again = await claim(60_000);
      return again.length > 0 && again;
    });
    expect(second).toMatchObject({ attempts: 1, action: { id: first!.action.id } });
  }, 30_000);

  it('end many at once in the order in which requests that come again lock them', async () => {
    await rig.database.query({ text: 'TRUNCATE connectors.delivery, connectors.queue' });
    const store = deliveryStore(rig.database);
    await put(3);
    const [first, low, high] = (await claim(60_000)).sort((a, b) => (a.action.id < b.action.id ? -1 : 1));
    const end = (one?: ClaimedDelivery) => store.end(one!, { status: 'delivered', detail: {}, messages: [] });
    const lock = (tx: Queryable, one?: ClaimedDelivery) =>
      tx.query({
        text: 'SELECT FROM connectors.delivery WHERE id = $1 FOR UPDATE',
        values: [one!.action.id],
      });
    const ended = await rig.database.transaction(async (tx) => {
      await lock(tx, low);
      // The first goes alone, the others share a statement.
      const all = Promise.all([end(first), end(high), end(low)]);
      await eventually(async () => {
        const { rows } = await rig.database.query<{ waiting: number }>({
          text: `SELECT count(*) AS waiting FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        });
        return rows[0]!.waiting > 0;
      });
      await lock(tx, high);
      return { all };
    });
    expect(await ended.all).toEqual([true, true, true]);
  }, 30_000);

  it('take turns: who has little waits for no one who has much', async () => {
    await rig.database.query({ text: 'TRUNCATE connectors.delivery, connectors.queue' });
    const [much, little] = tenants as [Tenant, Tenant];
    const store = deliveryStore(rig.database);
    const of = (tenant: Tenant, n: number) => ({
      action: tenant.webhook(`${receiver.url}/${n}`),
      destination: 'host',
      source: { partition: 0, offset: n },
      redriven: false,
    });
    await store.take(Array.from({ length: 1_000 }, (_, n) => of(much, n)));
    await store.take([of(little, 0)]);
    const first = await claim(60_000);
    expect(first.filter(({ action }) => action.organizationId === little.id)).toHaveLength(1);
    expect(first).toHaveLength(LIMITS.perDestination + 1);
  });

  it('leave no queue behind that nothing waits in', async () => {
    await rig.database.query({ text: 'TRUNCATE connectors.delivery, connectors.queue' });
    const store = deliveryStore(rig.database);
    await put(20);
    for (const one of await claim(60_000))
      await store.end(one, { status: 'delivered', detail: {}, messages: [] });
    // Each is looked at once more, when the lease would have ended; here, by hand.
    await rig.database.query({ text: 'UPDATE connectors.queue SET next_at = now()' });
    expect(await claim(60_000)).toEqual([]);
    expect(await rig.count('queue')).toBe(0);
    await put(5);
    expect(await claim(60_000)).toHaveLength(5);
    await rig.database.query({ text: 'TRUNCATE connectors.delivery, connectors.queue' });
  });
});

describe('two instances', () => {
  it('deliver each action once between them, however they are started and stopped', async () => {
    receiver.answer((_, response) => void setTimeout(() => response.end(), 5));
    const [one] = await Promise.all([rig.start(), rig.start()]);
    const actions = Array.from({ length: 600 }, (_, n) =>
      tenants[n % tenants.length]!.webhook(`${receiver.url}/two`),
    );
    await rig.request(...actions.slice(0, 300));
    await eventually(() => receiver.received.length > 50);
    // In the midst of it: what it has begun, it ends.
    await rig.stop(one);
    const third = rig.start();
    await rig.request(...actions.slice(300));
    await third;
    for (const action of actions)
      expect(await rig.completion(action, 60_000)).toMatchObject({ status: 'delivered' });
    expect(receiver.ids('/two').sort()).toEqual(actions.map(({ id }) => id).sort());
    await eventually(async () => (await rig.count('outbox')) === 0);
    expect(rig.completed).toHaveLength(actions.length);
  }, 120_000);
});
