import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { monthOf } from '@trackline/contracts';
import { eventually, faultSeeds, Fleet, MovedClock, seededRandom } from '@trackline/testkit';
import { Customer, type TrackAnswer } from './customer.ts';

const { seeds } = faultSeeds([1]);
jest.setTimeout(300_000);

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

let fleet: Fleet | undefined;
let clock: MovedClock | undefined;
afterEach(async () => {
  await fleet?.close();
  fleet = undefined;
  clock?.close();
});

/** A leap day that is more than 26 months past: 24 months after it there is no such day. */
function leapDayMs(): number {
  for (let year = new Date().getUTCFullYear(); ; year--) {
    const isLeap = new Date(Date.UTC(year, 1, 29)).getUTCMonth() === 1;
    if (isLeap && Date.UTC(year + 2, 4, 1) < Date.now()) return Date.UTC(year, 1, 29, 12);
  }
}

/** As Postgres counts months: the 29th of February two years on is the 28th. */
function monthsAfter(ms: number, months: number): number {
  const date = new Date(ms);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, lastDay));
  return date.getTime();
}

/** What Redis does by itself when the hot window is over: it knows no identity any more, and all counts. */
async function hotWindowGone(): Promise<void> {
  const { client } = fleet!.redis;
  const keys = (await client.keys('tl:{*')).filter((key) => /\}:[eu]:/.test(key));
  expect(keys.length).toBeGreaterThan(0);
  await client.del(...keys);
}

/** The sweep comes by when a process starts, if it is due. */
async function sweep(): Promise<number> {
  const count = async () => {
    const { rows } = await fleet!.database.query<{ count: string }>(
      'SELECT count(*) AS count FROM dedup_meter.unique_identity',
    );
    return Number(rows[0]!.count);
  };
  const before = await count();
  await fleet!.database.query(`UPDATE dedup_meter.sweep SET due_at = now() - interval '1 minute'`);
  for (const meter of fleet!.of('dedup-meter')) {
    await meter.kill();
    meter.start();
  }
  await fleet!.ready();
  await eventually(async () => {
    const { rowCount } = await fleet!.database.query('SELECT FROM dedup_meter.sweep WHERE due_at < now()');
    // Of the tables that are swept, the last comes after this one.
    return rowCount === 0;
  });
  return before - (await count());
}

describe('unique-for-24-months', () => {
  it.each(seeds)(
    'refused for 24 months and not a moment longer, whatever Redis knows (seed %i)',
    async (seed) => {
      const random = seededRandom(seed);
      const firstMs = leapDayMs() + Math.floor(random() * 60) * MINUTE_MS;
      clock = new MovedClock(firstMs - DAY_MS);
      fleet = await Fleet.open({
        services: { ingest: 1, 'dedup-meter': 2, trigger: 1 },
        sourceTimestamps: 'CreateTime',
        env: { TICK_MS: '500', ANSWER_DEADLINE_MS: '30000' },
        envOf: { ingest: clock.env, 'dedup-meter': clock.env },
        seed,
      });
      const movers = [...fleet.of('ingest'), ...fleet.of('dedup-meter')];
      const customer = await Customer.make(fleet, random);
      const of = (uniqueId: string) => customer.event('bought', { uniqueId });
      let counted = 0;
      const accepted = async (calling: Promise<TrackAnswer>) => {
        const { status, json } = await calling;
        expect({ status, ...json }).toMatchObject({ status: 200 });
        counted += 1;
        return json.eventId as string;
      };
      const refused = async (uniqueId: string, first: string) => {
        const { status, json } = await customer.call(of(uniqueId));
        expect({ status, ...json }).toMatchObject({ status: 409, code: 'DUPLICATE_EVENT', eventId: first });
      };
      /** By Kafka at that very moment; whether it counts is seen in the ledger. */
      const byKafka = async (uniqueId: string, atMs: number): Promise<string> => {
        const track = of(uniqueId);
        await customer.publishAt([{ track, atMs }]);
        return customer.eventId(track, 'kafka');
      };
      const settled = async () => {
        // What was published before it, in its partition or another, has been judged by then, or comes too late for the last look below.
        await accepted(customer.call(customer.event('mark')));
        await eventually(async () => expect(await customer.totalUsed()).toBe(counted) === undefined);
      };

      await clock.moveTo(firstMs, movers);
      const http = await accepted(customer.call(of('http')));
      const kafka = await byKafka('kafka', firstMs);
      counted += 1;
      const old = await accepted(customer.call(of('old')));
      await settled();
      await refused('kafka', kafka);

      await clock.moveTo(monthsAfter(firstMs, 23), movers);
      await hotWindowGone();
      await byKafka('http', clock.now());
      await refused('http', http);
      await refused('kafka', kafka);
      await settled();
      await fleet.redis.flush();
      await refused('http', http);
      await refused('kafka', kafka);
      expect(await sweep()).toBe(0);
      await hotWindowGone();
      await refused('old', old);
      await byKafka('old', clock.now());
      await settled();

      // To the millisecond, as the broker's record says it.
      const endMs = monthsAfter(firstMs, 24);
      await clock.moveTo(endMs - MINUTE_MS, movers);
      await hotWindowGone();
      await byKafka('kafka', endMs);
      await settled();
      await refused('kafka', kafka);
      await hotWindowGone();
      const anew = await byKafka('kafka', endMs + 1);
      counted += 1;
      await settled();

      await clock.moveTo(monthsAfter(firstMs, 25), movers);
      await hotWindowGone();
      const httpAnew = await accepted(customer.call(of('http')));
      expect(httpAnew).not.toBe(http);
      await refused('http', httpAnew);
      await refused('kafka', anew);
      expect(await sweep()).toBe(1);
      await accepted(customer.call(of('old')));

      // Those that expire are raced for like new ones.
      const raced = await Promise.all(Array.from({ length: 10 }, () => customer.call(of('raced'))));
      expect(raced.filter(({ status }) => status === 200)).toHaveLength(1);
      counted += 1;
      await settled();
      // A month of before the flush is seeded when it is next needed.
      for (const [month, used] of Object.entries(await customer.used())) {
        const total = await fleet.redis.client.hget(`tl:{${customer.id}}:m:${month}`, 'total');
        expect([String(used), month === monthOf(firstMs) ? null : undefined]).toContain(total);
      }
      fleet.assertNoneDied();
    },
  );
});
