import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ADMITTED } from '@trackline/contracts';
import { assertExact, eventually, faultSeeds, Fleet, Load, type NetworkFaults } from '@trackline/testkit';

const { seeds, isLong } = faultSeeds([1]);
/** On a machine that is busy with other things, too. */
jest.setTimeout(isLong ? 1_800_000 : 600_000);

/** Of the replies to whatever writes: reads are simply asked again. */
const CUT: NetworkFaults = {
  cutReplyRatio: 0.1,
  moments: ['judge', 'remember', 'seed', 'commit', 'term', 'publish', 'offsets'],
};
/** Past the two seconds after which dedup-meter gives a command of Redis up. */
const LATE_REDIS: NetworkFaults = { ...CUT, delayReplyRatio: 0.02, delayMs: 2_500 };
/** A statement is given up after 35 s, here (by a setting of the driver) after one and a half. */
const STATEMENT_GIVEN_UP_MS = 1_500;
const LATE_POSTGRES: NetworkFaults = { ...CUT, delayReplyRatio: 0.02, delayMs: 2_500 };
/** Past the ten seconds after which kafkajs gives a request up. */
const LATE_KAFKA_MS = 11_000;
/** Of each of the three. */
const LEAST_CUTS = isLong ? 300 : 15;

let fleet: Fleet | undefined;
afterEach(async () => {
  await fleet?.close();
  fleet = undefined;
});

describe('lost-replies-count-once', () => {
  it.each(seeds)('of Redis, Postgres and Kafka, cut or past their time (seed %i)', async (seed) => {
    fleet = await Fleet.open({
      services: { ingest: 1, 'dedup-meter': 2, timeline: 1 },
      behindProxies: ['dedup-meter'],
      databaseParameters: { query_timeout: String(STATEMENT_GIVEN_UP_MS) },
      env: { TICK_MS: '500', ANSWER_DEADLINE_MS: '300' },
      seed,
    });
    const load = await Load.start(fleet, { organization: await fleet.organization(), seed });
    const late = fleet.of('dedup-meter').map((meter) =>
      meter.strike({
        moment: 'publish',
        containing: ADMITTED,
        when: 'after',
        passes: true,
        then: () => sleep(LATE_KAFKA_MS),
      }),
    );
    for (const proxy of fleet.proxies('redis')) proxy.set(LATE_REDIS);
    for (const proxy of fleet.proxies('postgres')) proxy.set(LATE_POSTGRES);
    for (const proxy of fleet.proxies('kafka')) proxy.set(CUT);

    const counts = (party: 'redis' | 'postgres' | 'kafka') =>
      fleet!.proxies(party).reduce(
        (sum, { counts: { repliesCut, repliesDelayed } }) => ({
          cut: sum.cut + repliesCut,
          delayed: sum.delayed + repliesDelayed,
        }),
        { cut: 0, delayed: 0 },
      );
    await Promise.all(late.map(({ struck }) => struck));
    await eventually(
      () => {
        const now = { redis: counts('redis'), postgres: counts('postgres'), kafka: counts('kafka') };
        const isEnough =
          Object.values(now).every(({ cut }) => cut >= LEAST_CUTS) &&
          now.redis.delayed > 0 &&
          now.postgres.delayed > 0;
        if (!isEnough) throw new Error(`replies lost and held back so far: ${JSON.stringify(now)}`);
        return true;
      },
      { withinMs: isLong ? 1_200_000 : 240_000, everyMs: 100 },
    );
    for (const party of ['redis', 'postgres', 'kafka'] as const)
      for (const proxy of fleet.proxies(party)) proxy.set({});

    const found = await assertExact(fleet, await load.stop());
    expect(load.surprises).toEqual([]);
    expect(found.doubles).toBeGreaterThan(0);
  });
});
