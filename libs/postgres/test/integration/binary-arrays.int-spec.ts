import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createTestDatabase, dependenciesFromEnv, type TestDatabase } from '@trackline/testkit';
import {
  bigintArray,
  booleanArray,
  byteaArray,
  createPool,
  dateArray,
  intArray,
  isDataFault,
  jsonbArray,
  momentArray,
  smallintArray,
  textArray,
  uuidArray,
  type Database,
} from '../../src/index.ts';

jest.setTimeout(30_000);

let test: TestDatabase;
let database: Database;

beforeAll(async () => {
  test = await createTestDatabase(dependenciesFromEnv().databaseUrl, 'binary');
  database = createPool({ databaseUrl: test.databaseUrl, max: 1, applicationName: 'test' });
});
afterAll(async () => {
  await database?.close();
  await test?.drop();
});

const itself = <Value>(value: Value): Value => value;

/** What Postgres has got, in its own words. */
async function heard(type: string, array: unknown): Promise<(string | null)[]> {
  const { rows } = await database.query<{ element: string | null }>({
    text: `SELECT element::text FROM unnest($1::${type}[]) WITH ORDINALITY AS u (element, place) ORDER BY place`,
    values: [array],
  });
  return rows.map(({ element }) => element);
}

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

const UUIDS = [
  '00000000-0000-0000-0000-000000000000',
  null,
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  '0190A5C0-1234-7ABC-8DEF-0123456789AB',
];
const TEXTS = [
  '',
  null,
  'NULL',
  '"quoted", \\ {a,b}',
  '😀 naïve 日本',
  '\ud83d',
  'x'.repeat(40),
  'é'.repeat(5_000),
  '\u0001\n',
];
const JSONS = ['{}', null, '{"a":[1,2.50,"\\"q\\""],"b":"😀"}', ' [true] ', `"${'é'.repeat(5_000)}"`];
const SMALLINTS = [-32_768, -1, 0, null, 32_767];
const INTS = [-(2 ** 31), -1, 0, null, 2 ** 31 - 1];
const BIGINTS = [
  -(2n ** 63n),
  Number.MIN_SAFE_INTEGER,
  -(2 ** 32),
  -1,
  0,
  null,
  2 ** 32,
  Number.MAX_SAFE_INTEGER,
  2n ** 63n - 1n,
];
const MOMENTS = [
  Date.parse('0001-01-01T00:00:00.000Z'),
  Date.parse('1582-10-04T23:59:59.999Z'),
  -1,
  0,
  Date.parse('1999-12-31T23:59:59.999Z'),
  Date.parse('2000-01-01T00:00:00.000Z'),
  null,
  Date.parse('2026-11-21T21:52:07.123Z'),
  Date.parse('2300-01-01T00:00:00.001Z'),
  Date.parse('9999-12-31T23:59:59.999Z'),
];
const YEAR_0 = Date.parse('0000-06-01');
const DATES = ['0001-01-01', '1999-12-31', '2000-01-01', null, '2024-02-29', '9999-12-31'];
const BYTES = [Buffer.alloc(0), null, Buffer.from([0, 1, 0xff, 0x5c, 0x22])];

describe('arrays in binary', () => {
  it.each<[type: string, binary: Buffer, driver: readonly unknown[]]>([
    ['uuid', uuidArray(UUIDS, itself), UUIDS],
    ['text', textArray(TEXTS, itself), TEXTS],
    ['jsonb', jsonbArray(JSONS, itself), JSONS],
    ['jsonb', jsonbArray(JSONS, (json) => json && Buffer.from(json)), JSONS],
    ['bytea', byteaArray(BYTES, itself), BYTES.map((bytes) => bytes && `\\x${bytes.toString('hex')}`)],
    ['boolean', booleanArray([true, null, false], itself), [true, null, false]],
    ['smallint', smallintArray(SMALLINTS, itself), SMALLINTS],
    ['int', intArray(INTS, itself), INTS],
    ['bigint', bigintArray(BIGINTS, itself), BIGINTS],
    ['timestamptz', momentArray(MOMENTS, itself), MOMENTS.map(iso)],
    ['date', dateArray(DATES, itself), DATES],
  ])('of %s say what the driver’s own say', async (type, binary, driver) => {
    const said = await heard(type, binary);
    expect(said).toHaveLength(driver.length);
    expect(said).toEqual(await heard(type, driver));
  });

  it.each<[type: string, binary: Buffer]>([
    ['uuid', uuidArray([], itself)],
    ['text', textArray([], itself)],
    ['jsonb', jsonbArray([], itself)],
    ['bytea', byteaArray([], itself)],
    ['boolean', booleanArray([], itself)],
    ['smallint', smallintArray([], itself)],
    ['int', intArray([], itself)],
    ['bigint', bigintArray([], itself)],
    ['timestamptz', momentArray([], itself)],
    ['date', dateArray([], itself)],
  ])('of %s may be empty', async (type, binary) => {
    const { rows } = await database.query({
      text: `SELECT $1::${type}[] = '{}' AS same, cardinality($1::${type}[]) AS length, 1 = ANY ('{}') AS any`,
      values: [binary],
    });
    expect(rows).toEqual([{ same: true, length: 0, any: false }]);
  });

  it('serve as the keys of a look-up and as a prepared statement’s parameters, again and again', async () => {
    await database.query({ text: 'CREATE TABLE thing (id uuid PRIMARY KEY, name text)' });
    const ids = Array.from(
      { length: 500 },
      (_, i) => `00000000-0000-7000-8000-${String(i).padStart(12, '0')}`,
    );
    await database.query({
      text: 'INSERT INTO thing SELECT * FROM unnest($1::uuid[], $2::text[])',
      values: [uuidArray(ids, itself), textArray(ids, (id) => `thing ${id}`)],
    });
    for (let times = 1; times <= 8; times++) {
      const { rows } = await database.query<{ id: string; name: string }>({
        name: 'things',
        text: 'SELECT id, name FROM thing WHERE id = ANY ($1::uuid[]) ORDER BY id',
        values: [uuidArray(ids.slice(0, times), itself)],
      });
      expect(rows).toEqual(ids.slice(0, times).map((id) => ({ id, name: `thing ${id}` })));
    }
  });

  it.each<[what: string, type: string, binary: () => Buffer, driver: readonly unknown[]]>([
    ['JSON that is none', 'jsonb', () => jsonbArray(['{}', '{'], itself), ['{}', '{']],
    ['JSON with a zero', 'jsonb', () => jsonbArray(['"\\u0000"'], itself), ['"\\u0000"']],
    ['text with a zero', 'text', () => textArray(['a\0b'], itself), ['a\0b']],
    ['a UUID that is none', 'uuid', () => uuidArray(['x'], itself), ['x']],
    ['an int that is too large', 'int', () => intArray([2 ** 31], itself), [2 ** 31]],
    ['an int that is none', 'int', () => intArray([0.5], itself), [0.5]],
    ['a bigint that is too large', 'bigint', () => bigintArray([2n ** 63n], itself), [2n ** 63n]],
    ['the year 0', 'timestamptz', () => momentArray([YEAR_0], itself), [iso(YEAR_0)]],
    ['a day that is none', 'date', () => dateArray(['2026-02-31'], itself), ['2026-02-31']],
  ])('are refused as the driver’s own are: %s', async (_, type, binary, driver) => {
    const refusal = async (make: () => unknown): Promise<unknown> => {
      try {
        return await heard(type, make());
      } catch (error) {
        return error;
      }
    };
    const ours = (await refusal(binary)) as { code: string; message: string };
    const theirs = (await refusal(() => driver)) as { code: string; message: string };
    expect(isDataFault(ours)).toBe(true);
    expect([ours.code, ours.message]).toEqual([theirs.code, theirs.message]);
  });

  it('of another type than the statement’s are refused', async () => {
    await expect(heard('bigint', intArray([1], itself))).rejects.toMatchObject({ code: '42804' });
  });
});
