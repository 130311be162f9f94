import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ADMITTED, decodeAdmitted } from '@trackline/contracts';
import { PinnedReader } from '@trackline/kafka';
import {
  assertExact,
  eventually,
  faultSeeds,
  Fleet,
  Load,
  seededRandom,
  type FleetInstance,
  type Random,
} from '@trackline/testkit';

const { seeds } = faultSeeds([1]);
jest.setTimeout(300_000);

let fleet: Fleet | undefined;
let reader: PinnedReader | undefined;
afterEach(async () => {
  await reader?.stop();
  reader = undefined;
  await fleet?.close();
  fleet = undefined;
});

/** How far behind a replica is when it is promoted. */
const BEHIND_MS = 5_000;

interface Loss {
  readonly name: string;
  /** What can be done beforehand; the function that is returned loses Redis. */
  prepare(of: Fleet): Promise<() => Promise<void>>;
}

const LOSSES: readonly Loss[] = [
  {
    name: 'flushed',
    prepare: async ({ redis }) => {
      return () => redis.flush();
    },
  },
  {
    name: 'killed, up again empty',
    prepare: async ({ redis }) => {
      return () => redis.killAndStartEmpty();
    },
  },
  {
    name: `replaced by a replica ${BEHIND_MS / 1_000} s behind`,
    prepare: async (of) => {
      const replica = await of.redisReplica();
      await replica.cutOff();
      const cutOffMs = Date.now();
      const knew = await replica.client.dbsize();
      await eventually(() => Date.now() - cutOffMs >= BEHIND_MS);
      // It lacks what was learned since.
      expect(await of.redis.client.dbsize()).toBeGreaterThan(knew);
      return async () => of.promote(replica);
    },
  },
];

/** The first event that was received after a moment, seen as admitted. */
class FirstVerdict {
  private lossMs = Infinity;
  private seenMs: number | undefined;

  async watch(of: Fleet): Promise<void> {
    reader = new PinnedReader({
      connection: of.kafka,
      topic: ADMITTED,
      partitions: 'all',
      from: 'latest',
      onBatch: ({ messages }) => {
        const isAfter = messages.some((message) => decodeAdmitted(message).receivedAtMs > this.lossMs);
        if (isAfter) this.seenMs ??= Date.now();
      },
    });
    await reader.start();
  }

  lost(): void {
    this.lossMs = Date.now();
    this.seenMs = undefined;
  }

  /** Milliseconds from the loss on. */
  async after(): Promise<number> {
    const seenMs = await eventually(() => this.seenMs, { withinMs: 30_000, everyMs: 10 });
    return seenMs - this.lossMs;
  }
}

async function epoch(): Promise<number> {
  const { rows } = await fleet!.database.query<{ epoch: string }>('SELECT epoch FROM dedup_meter.epoch');
  return Number(rows[0]!.epoch);
}

/** What the instances say that they have noticed, all together. */
async function incidents(what: string): Promise<number> {
  const texts = await Promise.all(
    fleet!.of('dedup-meter').map(async ({ url }) => (await fetch(new URL('/metrics', url))).text()),
  );
  const counted = new RegExp(
    `^trackline_admission_incidents_total\\{[^}]*what="${what}"[^}]*\\} (\\d+)$`,
    'm',
  );
  return texts.reduce((sum, text) => sum + Number(counted.exec(text)?.[1] ?? 0), 0);
}

async function terms(): Promise<Map<string, number>> {
  const { rows } = await fleet!.database.query<{ name: string; term: string }>(
    'SELECT name, term FROM dedup_meter.source',
  );
  return new Map(rows.map(({ name, term }) => [name, Number(term)]));
}

/** All that slept owned has an owner who has gone on. */
async function takenOver(before: ReadonlyMap<string, number>): Promise<void> {
  await eventually(async () => [...(await terms())].every(([name, term]) => term > (before.get(name) ?? 0)), {
    withinMs: 30_000,
  });
}

/**
 * An instance sleeps, Redis is lost, and the sleeper wakes up in the moment in which the other has noticed: some have lost their partitions by
 * then, some come back with a batch in their hands that the Redis of before has judged.
 */
async function lose(
  loss: Loss,
  sleeper: FleetInstance,
  random: Random,
  first: FirstVerdict,
): Promise<number> {
  // What it holds of the month is what can be lost.
  await eventually(async () => (await fleet!.redis.client.keys('tl:{*}:m:*')).length > 0, {
    withinMs: 60_000,
  });
  const before = await epoch();
  const strike = await loss.prepare(fleet!);
  const owned = await terms();
  sleeper.pause();
  try {
    if (random() < 0.5) await takenOver(owned);
    first.lost();
    await strike();
    await eventually(async () => (await epoch()) > before, { withinMs: 30_000, everyMs: 5 });
  } finally {
    sleeper.resume();
  }
  const tookMs = await first.after();
  await fleet!.ready();
  return tookMs;
}

describe('redis-loss-keeps-every-verdict', () => {
  it.each(seeds)(
    'flushed, killed, failed over to a replica that lags: under load (seed %i)',
    async (seed) => {
      const random = seededRandom(seed);
      fleet = await Fleet.open({
        services: { ingest: 1, 'dedup-meter': 2, trigger: 1, timeline: 1 },
        env: { TICK_MS: '500' },
        seed,
      });
      const first = new FirstVerdict();
      await first.watch(fleet);
      const load = await Load.start(fleet, { organization: await fleet.organization(), seed });
      const epochBefore = await epoch();
      for (const [at, loss] of LOSSES.entries()) {
        const sent = load.sent.length;
        await eventually(() => load.sent.length > sent + 100, { withinMs: 30_000 });
        const sleeper = fleet.of('dedup-meter')[(seed + at) % 2]!;
        const tookMs = await lose(loss, sleeper, random, first);
        process.stdout.write(`Redis ${loss.name}: ${tookMs} ms to the first verdict (seed ${seed})\n`);
      }
      expect(await epoch()).toBeGreaterThanOrEqual(epochBefore + LOSSES.length);
      await eventually(async () => (await incidents('epoch_ended')) >= LOSSES.length);
      expect(await incidents('redis_lost')).toBeGreaterThanOrEqual(LOSSES.length);
      const found = await assertExact(fleet, await load.stop());
      expect(load.surprises).toEqual([]);

      await fleet.redis.flush();
      const again = await load.sendEverythingAgain();
      const after = await assertExact(fleet, load.sent);
      expect(after).toMatchObject({ received: found.received + again, admitted: found.admitted });
      expect(after.replays + after.duplicates).toBe(found.replays + found.duplicates + again);
    },
  );
});
