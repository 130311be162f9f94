import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock, uuidv7 } from '@trackline/kernel';
import { monthOf } from '@trackline/contracts';
import { dependenciesFromEnv } from '@trackline/testkit';
import { countedMonths } from '../../src/adapters/postgres/counted-months.ts';
import { PostgresLedger } from '../../src/adapters/postgres/postgres-ledger.ts';
import { heldMonths } from '../../src/adapters/redis/held-months.ts';
import { monthKey } from '../../src/adapters/redis/keys.ts';
import { connectRedis, type RedisClient } from '../../src/adapters/redis/redis-client.ts';
import { RedisJudge } from '../../src/adapters/redis/redis-judge.ts';
import { DriftSampler } from '../../src/pipeline/sample-drift.ts';
import { MeterRig } from './meter-rig.ts';

describe('drift between Redis and the ledger', () => {
  let rig: MeterRig;
  let client: RedisClient;
  const month = monthOf(systemClock.now());

  beforeAll(async () => {
    rig = await MeterRig.open();
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    client = await connectRedis({ url: dependenciesFromEnv().redisUrl, log });
  }, 30_000);
  afterAll(async () => {
    await client?.close();
    await rig?.close();
  }, 20_000);

  it('is found in either direction, and nowhere after the epoch has ended', async () => {
    const ledger = new PostgresLedger(rig.database);
    const judge = new RedisJudge(client, { hotWindowMs: 3_600_000 });
    const counted = countedMonths(rig.database);
    const sampler = new DriftSampler({
      counted,
      held: heldMonths(client),
      clock: systemClock,
      pause: () => Promise.resolve(),
    });
    const organizationIds = [uuidv7(), uuidv7(), uuidv7()].sort();
    for (const [at, id] of organizationIds.entries()) {
      await rig.database.query({
        text: 'INSERT INTO dedup_meter.usage VALUES ($1, $2, 1, $3), ($1, $2, 2, 1)',
        values: [id, `${month}-01`, at + 1],
      });
    }
    const epoch = await counted.epoch();
    await ledger.seedOnce(organizationIds, month, epoch, (months) => judge.seed(months, epoch));
    expect(await sampler.sample()).toEqual({ events: 0, organizationIds: [] });

    await rig.redis.hincrby(monthKey(organizationIds[0]!, month), 'total', 4);
    await rig.redis.hincrby(monthKey(organizationIds[2]!, month), 'total', -1);
    expect(await sampler.sample()).toEqual({
      events: 5,
      organizationIds: [organizationIds[0], organizationIds[2]],
    });
    expect(await ledger.endEpoch(epoch)).toBe(true);
    expect((await sampler.sample()).events).toBe(0);
  });
});
