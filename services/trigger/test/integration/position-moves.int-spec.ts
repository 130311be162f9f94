import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createPool, type Database, type Queryable } from '@trackline/postgres';
import { createTestDatabase, dependenciesFromEnv, type TestDatabase } from '@trackline/testkit';
import { effectWriter } from '../../src/adapters/postgres/effect-writer.ts';
import { movePositions, moveTogether } from '../../src/adapters/postgres/position-moves.ts';
import { executionReader } from '../../src/adapters/postgres/execution-reader.ts';
import { migrateTrigger } from '../../src/schema.ts';

const TOPIC = 'events.admitted.v1';
let testDatabase: TestDatabase;
let database: Database;

beforeAll(async () => {
  testDatabase = await createTestDatabase(dependenciesFromEnv().databaseUrl, 'positions');
  await migrateTrigger(testDatabase.databaseUrl);
  database = createPool({ databaseUrl: testDatabase.databaseUrl, max: 4, applicationName: 'positions' });
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

const move = (partition: number, from: number, to: number) => ({
  positions: { topic: TOPIC, partition, moved: [{ source: 'received:0', from, to }] },
});
const positions = async () => {
  const reader = executionReader(database);
  const of = async (partition: number) => (await reader.positions(TOPIC, partition)).get('received:0');
  return Promise.all([of(0), of(1), of(2)]);
};

/** By which the positions were last written. */
const transactions = async () =>
  (await database.query({ text: 'SELECT DISTINCT xmin::text FROM trigger.position' })).rows;

describe('positions of events without an effect', () => {
  it('of several partitions move together; one that another owner has moved holds up none of them, and stays', async () => {
    const writer = effectWriter(database, () => 0);
    const commit = (...moves: [partition: number, from: number, to: number][]) =>
      Promise.all(moves.map((one) => writer.commit(move(...one))));
    expect(await commit([0, -1, 5], [1, -1, 7], [2, -1, 9])).toEqual([true, true, true]);
    expect(await positions()).toEqual([5, 7, 9]);
    expect(await transactions()).toHaveLength(1);
    // Partition 1 is not where its owner thinks that it is.
    expect(await commit([0, 5, 6], [1, 6, 8], [2, 9, 12])).toEqual([true, false, true]);
    expect(await positions()).toEqual([6, 7, 12]);
    expect(await transactions()).toHaveLength(3);
    expect(await commit([0, -1, 20], [1, 7, 8], [2, 12, 13])).toEqual([false, true, true]);
    expect(await positions()).toEqual([6, 8, 13]);
  });

  it('of one that a former owner has locked wait alone', async () => {
    const writer = effectWriter(database, () => 0);
    const [before, , others] = await positions();
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    let hold: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (hold = resolve));
    const former = database.transaction(async (tx) => {
      await tx.query({ text: 'SELECT FROM trigger.position WHERE partition = 0 FOR UPDATE' });
      hold();
      await released;
    });
    await held;
    const locked = writer.commit(move(0, before!, 100));
    expect(await writer.commit(move(2, others!, 100))).toBe(true);
    expect(await positions()).toEqual([before, expect.anything(), 100]);
    release();
    await former;
    expect(await locked).toBe(true);
    expect((await positions())[0]).toBe(100);
  });

  it('are written to the disk with what else their transaction holds, and need not be when it holds nothing', async () => {
    const settings = async (work: (tx: Queryable) => Promise<unknown>) => {
      const rolledBack = new Error('rolled back');
      let seen: unknown;
      const moved = database.transaction(async (tx) => {
        await work(tx);
        const { rows } = await tx.query({
          text: `SELECT current_setting('synchronous_commit') AS commit, current_setting('lock_timeout') AS wait`,
        });
        seen = rows[0];
        throw rolledBack;
      });
      await expect(moved).rejects.toBe(rolledBack);
      return seen;
    };
    const moves = { topic: TOPIC, partition: 9, moved: [{ source: 'received:9', from: -1, to: 1 }] };
    expect(await settings((tx) => movePositions(tx, moves))).toEqual({ commit: 'on', wait: '0' });
    const together = await settings((tx) => moveTogether(tx)(moves));
    expect(together).toEqual({ commit: 'off', wait: '50ms' });
  });
});
