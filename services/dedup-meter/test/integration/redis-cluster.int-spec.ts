import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '@trackline/testkit';
import { monthKey } from '../../src/adapters/redis/keys.ts';
import { startDedupMeter, type RunningDedupMeter } from '../../src/start-dedup-meter.ts';
import { MeterRig, type Customer } from './meter-rig.ts';
import { RedisCluster, type ClusterNode } from './redis-cluster.ts';

jest.setTimeout(120_000);

const WITHIN_MS = 60_000;
const MONTHLY_LIMIT = 16;
const HARD_CAP = 20;

let rig: MeterRig;
let cluster: RedisCluster;

beforeAll(async () => {
  rig = await MeterRig.open();
  cluster = await RedisCluster.start();
});

afterEach(() => rig?.stopAll());
afterAll(async () => {
  await rig?.close();
  await cluster?.stop();
});

const start = (): Promise<RunningDedupMeter> =>
  rig.start({ REDIS_MODE: 'cluster', REDIS_URL: cluster.url, BATCH_MESSAGES: '20' });

const month = () => new Date().toISOString().slice(0, 7);
const keyOf = ({ organization }: Customer) => monthKey(organization.id, month());
const ownerOf = (customer: Customer) => cluster.ownerOf(keyOf(customer));

/** One customer on each primary, in the order of the primaries. */
async function customersOnAllNodes(): Promise<Customer[]> {
  const found = new Map<ClusterNode, Customer>();
  await eventually(async () => {
    const customer = await rig.customer('custom', MONTHLY_LIMIT);
    found.set(await ownerOf(customer), customer);
    return found.size === cluster.primaries.length;
  });
  return cluster.primaries.map((node) => found.get(node)!);
}

const send = (customers: readonly Customer[], uniqueIds: readonly string[]) =>
  rig.receive(
    ...uniqueIds.flatMap((uniqueId) => customers.map((customer) => rig.event(customer, { uniqueId }))),
  );

const numbered = (letter: string, count: number) => Array.from({ length: count }, (_, i) => `${letter}${i}`);

async function epoch(): Promise<number> {
  const { rows } = await rig.database.query<{ epoch: number }>({
    text: 'SELECT epoch FROM dedup_meter.epoch',
  });
  return rows[0]!.epoch;
}

/** What Redis and the ledger hold, and what was said to others: the same for each customer. */
async function expectExact(
  customer: Customer,
  expected: { readonly admitted: number; readonly duplicates: number; readonly overCap: number },
): Promise<void> {
  const { admitted, refused } = await rig.verdicts(
    customer,
    expected.admitted + expected.duplicates + expected.overCap,
    WITHIN_MS,
  );
  // A verdict may be published twice, at the same position; what is counted is positions.
  const positions = (events: typeof admitted | typeof refused) =>
    new Set(events.map(({ position }) => `${position.source}@${position.offset}`)).size;
  const duplicates = refused.filter(({ refusal }) => refusal.verdict === 'duplicate');
  const overCap = refused.filter(({ refusal }) => refusal.verdict === 'over_limit');
  expect({
    admitted: positions(admitted),
    duplicates: positions(duplicates),
    overCap: positions(overCap),
    ledger: await rig.used(customer),
    redis: Number(await (await ownerOf(customer)).redis.hget(keyOf(customer), 'total')),
  }).toEqual({ ...expected, ledger: expected.admitted, redis: expected.admitted });
}

describe('on a Redis Cluster', () => {
  it('events are admitted, duplicates known and caps held, for organisations on every node', async () => {
    const customers = await customersOnAllNodes();
    await start();
    await send(customers, [...numbered('a', 12), ...numbered('a', 4), ...numbered('b', 12)]);
    for (const customer of customers)
      await expectExact(customer, { admitted: HARD_CAP, duplicates: 4, overCap: 4 });
    const held = await Promise.all(cluster.primaries.map(({ redis }) => redis.keys('tl:*:u:*')));
    for (const keys of held) expect(keys).toHaveLength(HARD_CAP);
  });

  it('a flush of one node ends the epoch and changes no verdict and no count, there or elsewhere', async () => {
    const customers = await customersOnAllNodes();
    await start();
    await send(customers, numbered('a', 10));
    for (const customer of customers) await rig.verdicts(customer, 10, WITHIN_MS);
    const before = await epoch();
    await Promise.all([send(customers, numbered('b', 4)), cluster.primaries[1]!.redis.flushall()]);
    await cluster.primaries[1]!.redis.flushall();
    await send(customers, [...numbered('a', 10), ...numbered('c', 8)]);
    for (const customer of customers)
      await expectExact(customer, { admitted: HARD_CAP, duplicates: 10, overCap: 2 });
    expect(await epoch()).toBeGreaterThan(before);
  });

  it('an organisation whose slot moves to another node under load waits for the move, is seeded there, and stays exact', async () => {
    const customers = await customersOnAllNodes();
    const [moving] = customers as [Customer];
    await start();
    await send(customers, numbered('a', 10));
    for (const customer of customers) await rig.verdicts(customer, 10, WITHIN_MS);
    const [before, from] = [await epoch(), await ownerOf(moving)];
    const to = await cluster.moveSlotOf(keyOf(moving), async () => {
      await send(customers, [...numbered('a', 10), ...numbered('b', 8)]);
      // Its keys lie on two nodes now, and neither can judge.
      await eventually(async () => (await cluster.errorsOf(from, 'TRYAGAIN')) > 0, { withinMs: WITHIN_MS });
    });
    expect(to).not.toBe(from);
    await send(customers, numbered('c', 4));
    for (const customer of customers)
      await expectExact(customer, { admitted: HARD_CAP, duplicates: 10, overCap: 2 });
    // Another node has another replication id: what was judged on the old one is void.
    expect(await epoch()).toBeGreaterThan(before);
  });

  it.each([0, 1, 2])(
    'a node %i that would evict is found before anything is judged, and nothing starts',
    async (at) => {
      const { redis } = cluster.primaries[at]!;
      await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
      const config = rig.config({ REDIS_MODE: 'cluster', REDIS_URL: cluster.url });
      try {
        await expect(startDedupMeter(config, rig.logger(config))).rejects.toThrow(
          /maxmemory-policy "allkeys-lru".*Set it to "noeviction"/,
        );
      } finally {
        await redis.config('SET', 'maxmemory-policy', 'noeviction');
      }
    },
  );

  // Last: it leaves a node dead.
  it('a node that dies is replaced by its replica, and no verdict and no count changes', async () => {
    const customers = await customersOnAllNodes();
    const dying = cluster.primaries[2]!;
    const struck = customers[2]!;
    const replica = await cluster.addReplica(dying);
    await start();
    await send(customers, numbered('a', 10));
    for (const customer of customers) await rig.verdicts(customer, 10, WITHIN_MS);
    const before = await epoch();
    await Promise.all([send(customers, numbered('b', 4)), cluster.kill(dying)]);
    await send(customers, [...numbered('a', 10), ...numbered('c', 8)]);
    for (const customer of customers)
      await expectExact(customer, { admitted: HARD_CAP, duplicates: 10, overCap: 2 });
    expect(await ownerOf(struck)).toBe(replica);
    expect(await epoch()).toBeGreaterThan(before);
  });
});
