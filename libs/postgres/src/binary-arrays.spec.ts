import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  bigintArray,
  booleanArray,
  byteaArray,
  dateArray,
  intArray,
  isDataFault,
  jsonbArray,
  momentArray,
  smallintArray,
  textArray,
  uuidArray,
} from './index.ts';

/** As array_recv reads it: the type and the bytes of each element. */
function read(array: Buffer): { oid: number; elements: (Buffer | null)[] } {
  const [dimensions, hasNulls, oid] = [0, 4, 8].map((at) => array.readInt32BE(at)) as [
    number,
    number,
    number,
  ];
  if (dimensions === 0) {
    expect([hasNulls, array.length]).toEqual([0, 12]);
    return { oid, elements: [] };
  }
  expect([dimensions, array.readInt32BE(16)]).toEqual([1, 1]);
  const elements: (Buffer | null)[] = [];
  let at = 20;
  for (let left = array.readInt32BE(12); left > 0; left--) {
    const length = array.readInt32BE(at);
    at += 4;
    elements.push(length === -1 ? null : array.subarray(at, at + length));
    at += Math.max(0, length);
  }
  expect(at).toBe(array.length);
  expect(hasNulls).toBe(elements.includes(null) ? 1 : 0);
  return { oid, elements };
}

const itself = <Value>(value: Value): Value => value;

const orNull = <Value>(values: fc.Arbitrary<Value>): fc.Arbitrary<(Value | null)[]> =>
  fc.array(fc.option(values), { maxLength: 40 });

interface Kind<Value> {
  readonly oid: number;
  readonly values: fc.Arbitrary<Value>;
  readonly make: (values: readonly (Value | null)[]) => Buffer;
  readonly bytes: (value: Value) => Buffer;
}

const int64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

/** Each of its own type of value; the table of them need not know which. */
const kind = <Value>(one: Kind<Value>): Kind<unknown> => one as unknown as Kind<unknown>;

const KINDS: Record<string, Kind<unknown>> = {
  uuid: kind({
    oid: 2950,
    values: fc.oneof(
      fc.uuid(),
      fc.uuid().map((id) => id.toUpperCase()),
    ),
    make: (values) => uuidArray(values, itself),
    bytes: (id: string) => Buffer.from(id.replaceAll('-', ''), 'hex'),
  }),
  text: kind({
    oid: 25,
    values: fc.oneof(fc.string({ unit: 'binary', maxLength: 2_000 }), fc.string({ maxLength: 40 })),
    make: (values) => textArray(values, itself),
    bytes: (text: string) => Buffer.from(text),
  }),
  jsonb: kind({
    oid: 3802,
    values: fc.oneof(
      fc.json(),
      fc.json().map((json) => Buffer.from(json)),
    ),
    make: (values) => jsonbArray(values, itself),
    bytes: (json: string | Buffer) => Buffer.concat([Buffer.of(1), Buffer.from(json as string)]),
  }),
  bytea: kind({
    oid: 17,
    values: fc.uint8Array({ maxLength: 300 }),
    make: (values) => byteaArray(values, itself),
    bytes: (value: Uint8Array) => Buffer.from(value),
  }),
  boolean: kind({
    oid: 16,
    values: fc.boolean(),
    make: (values) => booleanArray(values, itself),
    bytes: (value: boolean) => Buffer.of(Number(value)),
  }),
  smallint: kind({
    oid: 21,
    values: fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }),
    make: (values) => smallintArray(values, itself),
    bytes: (value: number) => int32(value).subarray(2),
  }),
  int: kind({
    oid: 23,
    values: fc.integer(),
    make: (values) => intArray(values, itself),
    bytes: int32,
  }),
  bigint: kind({
    oid: 20,
    values: fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    make: (values) => bigintArray(values, itself),
    bytes: (value: number | bigint) => int64(BigInt(value)),
  }),
  timestamptz: kind({
    oid: 1184,
    values: fc.integer({ min: Date.parse('0001-01-01'), max: Date.parse('9999-12-31') }),
    make: (values) => momentArray(values, itself),
    bytes: (ms: number) => int64((BigInt(ms) - BigInt(Date.UTC(2000, 0, 1))) * 1_000n),
  }),
  date: kind({
    oid: 1082,
    values: fc
      .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
      .map((date) => date.toISOString().slice(0, 10)),
    make: (values) => dateArray(values, itself),
    bytes: (day: string) => int32((Date.parse(day) - Date.UTC(2000, 0, 1)) / 86_400_000),
  }),
};

describe('an array in binary', () => {
  it.each(Object.entries(KINDS))('of %s holds each element, and nulls', (_, { oid, values, make, bytes }) => {
    fc.assert(
      fc.property(orNull(values), (some) => {
        const { oid: written, elements } = read(make(some));
        expect(written).toBe(oid);
        expect(elements).toEqual(some.map((value) => (value === null ? null : bytes(value))));
      }),
    );
  });

  it('takes elements from rows, an absent one for a null', () => {
    const rows = [{ name: 'a' }, {}, { name: '' }] as { name?: string }[];
    expect(read(textArray(rows, (row) => row.name)).elements).toEqual([
      Buffer.from('a'),
      null,
      Buffer.alloc(0),
    ]);
  });

  it('has U+FFFD for what is no text, as strings have that are made of such bytes', () => {
    expect(read(textArray(['\ud83d', 'é'.repeat(2_000)], itself)).elements).toEqual([
      Buffer.from('\ufffd'),
      Buffer.from('é'.repeat(2_000)),
    ]);
    expect(read(jsonbArray([Buffer.from([0x22, 0xff, 0x22])], itself)).elements).toEqual([
      Buffer.from('\x01"\ufffd"'),
    ]);
  });
});

describe('what Postgres would refuse', () => {
  const id = '0190a5c0-1234-7abc-8def-0123456789ab';

  it.each<[string, () => Buffer]>([
    ['', () => uuidArray([''], itself)],
    ['x', () => uuidArray([id, 'x'], itself)],
    ['a digit that is none', () => uuidArray([id, id.replace('5', 'g')], itself)],
    ['a character whose low byte is a digit', () => uuidArray([id, id.replace('5', '\u0135')], itself)],
    ['a character for two', () => uuidArray([id, `${id.slice(1)}😀`.slice(0, 36)], itself)],
    ['a dash in the wrong place', () => uuidArray([id.replace('-', '0')], itself)],
    ['no text', () => textArray([{}] as unknown as string[], itself)],
    ['no UUID', () => uuidArray([5] as unknown as string[], itself)],
    ['no fraction', () => intArray([1.5], itself)],
    ['2147483648', () => intArray([2 ** 31], itself)],
    ['-32769', () => smallintArray([-32_769], itself)],
    ['NaN', () => smallintArray([NaN], itself)],
    ['1.5', () => bigintArray([1.5], itself)],
    ['Infinity', () => bigintArray([Infinity], itself)],
    ['2^63', () => bigintArray([2n ** 63n], itself)],
    ['1e19', () => bigintArray([1e19], itself)],
    ['2026-02-31', () => dateArray(['2026-02-31'], itself)],
    ['2026-13-01', () => dateArray(['2026-13-01'], itself)],
    ['the year 0', () => momentArray([Date.parse('0000-12-31')], itself)],
    ['the year 10000', () => momentArray([Date.UTC(10_000, 0)], itself)],
    ['today', () => dateArray(['today'], itself)],
  ])('is refused as its data fault: %s', (_, make) => {
    let fault: unknown;
    try {
      make();
    } catch (error) {
      fault = error;
    }
    expect(fault).toBeInstanceOf(Error);
    expect(isDataFault(fault)).toBe(true);
  });

  it('is named', () => {
    expect(() => uuidArray([id, id.replace('5', 'g'), id], itself)).toThrow(
      'invalid input syntax for type uuid: "0190agc0-1234-7abc-8def-0123456789ab"',
    );
    expect(() => uuidArray([id, id.replace('5', 'é'), id], itself)).toThrow('0190aéc0-');
  });

  it('for a moment is a RangeError, as of Date, when it is no time at all', () => {
    for (const ms of [NaN, Infinity, 8.64e15 + 1])
      expect(() => momentArray([ms], itself)).toThrow(RangeError);
  });
});
