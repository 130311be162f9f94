import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createTestDatabase, dependenciesFromEnv, type TestDatabase } from '@trackline/testkit';
import {
  createPool,
  migrate,
  pendingMigrations,
  refuseUnmigrated,
  type Database,
  type MigrationInterface,
  type QueryRunner,
} from '../../src/index.ts';

/** Real work on a machine that may be busy with other things. */
jest.setTimeout(30_000);

class First1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE shop.item (id int PRIMARY KEY)');
  }
  async down(): Promise<void> {}
}

class Second1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('INSERT INTO shop.item VALUES (1)');
  }
  async down(): Promise<void> {}
}

/** Fails after its first statement. */
class Broken1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('INSERT INTO shop.item VALUES (2)');
    await runner.query('SELECT nonsense');
  }
  async down(): Promise<void> {}
}

let test: TestDatabase;
let database: Database;

beforeAll(async () => {
  test = await createTestDatabase(dependenciesFromEnv().databaseUrl, 'migrate');
  database = createPool({ databaseUrl: test.databaseUrl, max: 1, applicationName: 'test' });
});
afterAll(async () => {
  await database?.close();
  await test?.drop();
});

describe('migrate', () => {
  const shop = (migrations: readonly (new () => MigrationInterface)[]) =>
    migrate({ databaseUrl: test.databaseUrl, schema: 'shop', migrations });
  const items = async () => (await database.query({ text: 'SELECT id FROM shop.item ORDER BY id' })).rows;

  it('tells what is pending before the schema is there', async () => {
    expect(await pendingMigrations(database, { schema: 'shop', migrations: [First1700000000001] })).toEqual([
      'First1700000000001',
    ]);
  });

  it('applies each migration once, although several processes start it at once', async () => {
    const results = await Promise.all([1, 2, 3].map(() => shop([First1700000000001])));
    expect(results.flatMap((result) => result.applied)).toEqual(['First1700000000001']);
  });

  it('applies what is new, in the order of the timestamps, and says so', async () => {
    const result = await shop([Second1700000000002, First1700000000001]);
    expect(result).toEqual({ schema: 'shop', applied: ['Second1700000000002'], before: 1 });
    expect(await items()).toEqual([{ id: 1 }]);
    expect(await shop([First1700000000001, Second1700000000002])).toMatchObject({ applied: [], before: 2 });
  });

  it('leaves nothing of one that fails, and gives its lock back', async () => {
    const all = [First1700000000001, Second1700000000002, Broken1700000000003];
    await expect(shop(all)).rejects.toThrow('nonsense');
    await expect(shop(all)).rejects.toThrow('nonsense');
    expect(await items()).toEqual([{ id: 1 }]);
    expect(await pendingMigrations(database, { schema: 'shop', migrations: all })).toEqual([
      'Broken1700000000003',
    ]);
  });

  it('lets no service start while anything is missing of what it needs', async () => {
    const pendingOf =
      (...migrations: (typeof First1700000000001)[]) =>
      () =>
        pendingMigrations(database, { schema: 'shop', migrations });
    const done = pendingOf(First1700000000001);
    await refuseUnmigrated(database, { directory: done, shop: done });
    await expect(
      refuseUnmigrated(database, { directory: done, shop: pendingOf(Broken1700000000003) }),
    ).rejects.toThrow(
      'The database lacks Broken1700000000003: run the migrations of directory and shop first.',
    );
  });

  it('keeps to its own schema and table', async () => {
    await migrate({ databaseUrl: test.databaseUrl, schema: 'other', migrations: [] });
    const { rows } = await database.query({
      text: `SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2`,
    });
    expect(rows).toEqual([
      { schemaname: 'other', tablename: 'migrations' },
      { schemaname: 'shop', tablename: 'item' },
      { schemaname: 'shop', tablename: 'migrations' },
    ]);
  });

  it('says who is in the way when another process keeps the lock', async () => {
    const other = createPool({ databaseUrl: test.databaseUrl, max: 1, applicationName: 'other' });
    await other.query({ text: `SELECT pg_advisory_lock(hashtextextended('migrate:shop', 0))` });
    await expect(
      migrate({ databaseUrl: test.databaseUrl, schema: 'shop', migrations: [], lockTimeoutMs: 100 }),
    ).rejects.toThrow('Another process has been migrating the schema "shop"');
    await other.close();
  });
});
