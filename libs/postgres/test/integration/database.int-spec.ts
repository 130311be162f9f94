import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createTestDatabase, dependenciesFromEnv, type TestDatabase } from '@trackline/testkit';
import {
  createPool,
  isConnectionFault,
  isDataFault,
  isUniqueViolation,
  type Database,
} from '../../src/index.ts';

/** Real work on a machine that may be busy with other things. */
jest.setTimeout(30_000);

let test: TestDatabase;
let database: Database;

const backendPid = async (db: Pick<Database, 'query'>): Promise<number> =>
  (await db.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' })).rows[0]!.pid;

beforeAll(async () => {
  test = await createTestDatabase(dependenciesFromEnv().databaseUrl, 'postgres');
  database = createPool({ databaseUrl: test.databaseUrl, max: 2, applicationName: 'test' });
  await database.query({ text: 'CREATE TABLE item (id int PRIMARY KEY, note text)' });
});
afterAll(async () => {
  await database?.close();
  await test?.drop();
});

describe('transactions', () => {
  it('commit what is done when the work resolves', async () => {
    const answer = await database.transaction(async (tx) => {
      await tx.query({ text: 'INSERT INTO item VALUES (1)' });
      return 'done';
    });
    expect(answer).toBe('done');
    expect((await database.query({ text: 'SELECT id FROM item WHERE id = 1' })).rowCount).toBe(1);
  });

  it('undo it when the work throws, and give the connection back sound', async () => {
    const broken = database.transaction(async (tx) => {
      await tx.query({ text: 'INSERT INTO item VALUES (2)' });
      throw new Error('changed my mind');
    });
    await expect(broken).rejects.toThrow('changed my mind');
    expect((await database.query({ text: 'SELECT id FROM item WHERE id = 2' })).rowCount).toBe(0);
  });

  it('never take a rollback for a commit, when the error of a statement was swallowed', async () => {
    const swallowed = database.transaction(async (tx) => {
      await tx.query({ text: 'INSERT INTO item VALUES (3)' });
      await tx.query({ text: 'INSERT INTO item VALUES (3)' }).catch(() => undefined);
    });
    await expect(swallowed).rejects.toThrow('Rolled back');
  });

  it('free what they hold when their process falls silent in between', async () => {
    const sleepy = createPool({
      databaseUrl: test.databaseUrl,
      max: 1,
      applicationName: 'sleepy',
      silentTransactionMs: 200,
    });
    try {
      await sleepy.query({ text: 'INSERT INTO item VALUES (7)' });
      const asleep = sleepy.transaction(async (tx) => {
        await tx.query({ text: `UPDATE item SET note = 'asleep' WHERE id = 7` });
        // Gets the row as soon as the server has ended the other's session.
        await database.query({ text: `UPDATE item SET note = 'awake' WHERE id = 7` });
        await tx.query({ text: 'SELECT 1' });
      });
      const fault = await asleep.then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(isConnectionFault(fault)).toBe(true);
      const { rows } = await database.query({ text: 'SELECT note FROM item WHERE id = 7' });
      expect(rows).toEqual([{ note: 'awake' }]);
    } finally {
      await sleepy.close();
    }
  });

  it('refuse a statement that comes after their end', async () => {
    const leaked = await database.transaction(async (tx) => tx);
    await expect(leaked.query({ text: 'SELECT 1' })).rejects.toThrow('has ended');
  });

  it('wait for the disk unless told otherwise', async () => {
    const setting = (durable: boolean) =>
      database.transaction(
        async (tx) =>
          (await tx.query<{ synchronous_commit: string }>({ text: 'SHOW synchronous_commit' })).rows[0]!
            .synchronous_commit,
        { durable },
      );
    expect(await setting(true)).toBe('on');
    expect(await setting(false)).toBe('off');
    expect(await setting(true)).toBe('on');
  });
});

describe('values', () => {
  it('come as numbers for bigint, and as text for date', async () => {
    const { rows } = await database.query({
      text: `SELECT 9007199254740991::bigint AS big, '2026-11-01'::date AS day`,
    });
    expect(rows[0]).toEqual({ big: 9007199254740991, day: '2026-11-01' });
  });

  it('are never rounded in silence', async () => {
    await expect(database.query({ text: 'SELECT 9007199254740993::bigint' })).rejects.toThrow(
      '9007199254740993',
    );
    expect((await database.query({ text: 'SELECT 1 AS one' })).rows).toEqual([{ one: 1 }]);
  });
});

describe('errors', () => {
  it('keep their kind, and the connection with its prepared statements', async () => {
    const single = createPool({ databaseUrl: test.databaseUrl, max: 1, applicationName: 'test' });
    const before = await backendPid(single);
    const twice = { text: 'INSERT INTO item VALUES (10), (10)' };
    expect(isUniqueViolation(await single.query(twice).catch((error: unknown) => error))).toBe(true);
    const nul = { text: 'SELECT $1::text', values: ['a\0b'] };
    expect(isDataFault(await single.query(nul).catch((error: unknown) => error))).toBe(true);
    expect(await backendPid(single)).toBe(before);
    await single.close();
  });

  it('of a connection that is cut are connection faults; the next query gets another connection', async () => {
    const running = database.query({ text: 'SELECT pg_sleep(20)' }).catch((error: unknown) => error);
    await cut('SELECT pg_sleep(20)');
    expect(isConnectionFault(await running)).toBe(true);
    expect((await database.query({ text: 'SELECT 1 AS one' })).rows).toEqual([{ one: 1 }]);
  });

  it('of a connection that is cut inside a transaction end the transaction, not the process', async () => {
    const outcome = database
      .transaction(async (tx) => {
        const pid = await backendPid(tx);
        await database.query({ text: 'SELECT pg_terminate_backend($1)', values: [pid] });
        await tx.query({ text: 'SELECT 1' });
      })
      .catch((error: unknown) => error);
    expect(isConnectionFault(await outcome)).toBe(true);
    expect(await database.isReady()).toBe(true);
  });

  it('of a server that is not there are connection faults', async () => {
    const nowhere = createPool({
      databaseUrl: 'postgres://nobody@127.0.0.1:1/none',
      max: 1,
      applicationName: 'test',
    });
    expect(
      isConnectionFault(await nowhere.query({ text: 'SELECT 1' }).catch((error: unknown) => error)),
    ).toBe(true);
    expect(await nowhere.isReady()).toBe(false);
    await nowhere.close();
  });

  it('of a statement that takes too long come from the server', async () => {
    const hasty = createPool({
      databaseUrl: test.databaseUrl,
      max: 1,
      applicationName: 'test',
      statementTimeoutMs: 50,
    });
    await expect(hasty.query({ text: 'SELECT pg_sleep(5)' })).rejects.toMatchObject({ code: '57014' });
    await hasty.close();
  });
});

/** Cuts the connection that runs `text`, once it does. */
async function cut(text: string): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const { rowCount } = await database.query({
      text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = $1 AND state = 'active'`,
      values: [text],
    });
    if (rowCount > 0) return;
  }
  throw new Error(`nobody ran ${text}`);
}
