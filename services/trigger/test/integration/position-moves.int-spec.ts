import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createPool, type Database } from '@trackline/postgres';
import { createTestDatabase, dependenciesFromEnv, type TestDatabase } from '@trackline/testkit';
import { effectWriter } from '../../src/adapters/postgres/effect-writer.ts';
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

describe('positions of events without an effect', () => {
  it('of several partitions move together; one that another owner has moved holds up none of them, and stays', async () => {
    const writer = effectWriter(database, () => 0);
    const commit = (...moves: [partition: number, from: number, to: number][]) =>
      Promise.all(moves.map((one) => writer.commit(move(...one))));
    expect(await commit([0, -1, 5], [1, -1, 7], [2, -1, 9])).toEqual([true, true, true]);
    expect(await positions()).toEqual([5, 7, 9]);
    // Partition 1 is not where its owner thinks that it is.
    expect(await commit([0, 5, 6], [1, 6, 8], [2, 9, 12])).toEqual([true, false, true]);
    expect(await positions()).toEqual([6, 7, 12]);
    expect(await commit([0, -1, 20], [1, 7, 8], [2, 12, 13])).toEqual([false, true, true]);
    expect(await positions()).toEqual([6, 8, 13]);
  });
});
