import { isUtf8 } from 'node:buffer';
import { ArrayWriter, LENGTH_BYTES, type Element } from './array-writer.ts';
import { invalid, noSuchDate, outOfRange } from './unstorable.ts';

/**
 * Arrays as Postgres receives them in binary (its array_recv and the …recv of each type): a batch costs neither side escaping, quoting
 * and parsing. The driver sends a Buffer as a binary parameter, so each is the value of a parameter that the statement casts to that very
 * type: `$1::uuid[]`. Of another type Postgres refuses it (42804).
 *
 * A null or undefined element is NULL. What the type cannot hold is refused with the SQLSTATE that Postgres gives for it, see `isDataFault`.
 */

/** pg_type.oid of the elements. */
const OID = {
  boolean: 16,
  bytea: 17,
  bigint: 20,
  smallint: 21,
  int: 23,
  text: 25,
  date: 1082,
  timestamptz: 1184,
  jsonb: 3802,
} as const;

const TWO_TO_32 = 2 ** 32;
const MAX_INT = 2 ** 31 - 1;
const MAX_SMALLINT = 2 ** 15 - 1;
const DAY_MS = 86_400_000;
/** What Postgres reads of `Date.toISOString`: the same moments are refused, though the type holds more. */
const FIRST_MOMENT_MS = Date.parse('0001-01-01T00:00:00.000Z');
const LAST_MOMENT_MS = Date.parse('9999-12-31T23:59:59.999Z');
/** Postgres counts from 2000-01-01. */
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);

const TEXT_GUESS_BYTES = 24;
const JSONB_GUESS_BYTES = 128;
const JSONB_VERSION = 1;

/** Elements of one width: there is room for all of them from the start. */
function fixedArray<Row, Value>(
  { oid, width }: { readonly oid: number; readonly width: number },
  rows: readonly Row[],
  element: Element<Row, Value>,
  write: (writer: ArrayWriter, value: Value) => void,
): Buffer {
  const writer = new ArrayWriter(oid, rows.length, width);
  for (let i = 0; i < rows.length; i++) {
    const value = element(rows[i]!);
    if (value === null || value === undefined) {
      writer.null();
    } else {
      writer.int32(width);
      write(writer, value);
    }
  }
  return writer.end();
}

/** Elements that say how long they are. */
function varyingArray<Row, Value>(
  { oid, guess }: { readonly oid: number; readonly guess: number },
  rows: readonly Row[],
  element: Element<Row, Value>,
  write: (writer: ArrayWriter, value: Value) => void,
): Buffer {
  const writer = new ArrayWriter(oid, rows.length, guess);
  for (let i = 0; i < rows.length; i++) {
    const value = element(rows[i]!);
    if (value === null || value === undefined) {
      writer.room(LENGTH_BYTES);
      writer.null();
    } else {
      write(writer, value);
    }
  }
  return writer.end();
}

const BOOLEAN = { oid: OID.boolean, width: 1 };
const writeBoolean = (writer: ArrayWriter, value: boolean): void => writer.int8(value ? 1 : 0);

/** `boolean[]` */
export const booleanArray = <Row>(rows: readonly Row[], element: Element<Row, boolean>): Buffer =>
  fixedArray(BOOLEAN, rows, element, writeBoolean);

const SMALLINT = { oid: OID.smallint, width: 2 };

function writeSmallint(writer: ArrayWriter, value: number): void {
  if (!Number.isInteger(value)) throw invalid('smallint', value);
  if (value > MAX_SMALLINT || value < -MAX_SMALLINT - 1) throw outOfRange('smallint', value);
  writer.int16(value);
}

/** `smallint[]` */
export const smallintArray = <Row>(rows: readonly Row[], element: Element<Row, number>): Buffer =>
  fixedArray(SMALLINT, rows, element, writeSmallint);

const INT = { oid: OID.int, width: 4 };

function writeInt(writer: ArrayWriter, value: number): void {
  if (!Number.isInteger(value)) throw invalid('integer', value);
  if (value > MAX_INT || value < -MAX_INT - 1) throw outOfRange('integer', value);
  writer.int32(value);
}

/** `int[]` */
export const intArray = <Row>(rows: readonly Row[], element: Element<Row, number>): Buffer =>
  fixedArray(INT, rows, element, writeInt);

const BIGINT = { oid: OID.bigint, width: 8 };

function writeBigint(writer: ArrayWriter, value: number | bigint): void {
  if (Number.isSafeInteger(value)) {
    writer.int64(value as number);
    return;
  }
  if (typeof value === 'number' && !Number.isInteger(value)) throw invalid('bigint', value);
  const exact = BigInt(value);
  if (BigInt.asIntN(64, exact) !== exact) throw outOfRange('bigint', value);
  writer.int32(Number(exact >> 32n));
  writer.int32(Number(exact & 0xffff_ffffn));
}

/** `bigint[]` */
export const bigintArray = <Row>(rows: readonly Row[], element: Element<Row, number | bigint>): Buffer =>
  fixedArray(BIGINT, rows, element, writeBigint);

const MOMENT = { oid: OID.timestamptz, width: 8 };

function writeMoment(writer: ArrayWriter, ms: number): void {
  if (!(ms >= FIRST_MOMENT_MS && ms <= LAST_MOMENT_MS)) throw noSuchDate(new Date(ms).toISOString());
  const since = Math.trunc(ms) - POSTGRES_EPOCH_MS;
  // Microseconds of some centuries are no safe integer: the halves are multiplied one by one.
  const high = Math.floor(since / TWO_TO_32);
  const low = (since - high * TWO_TO_32) * 1_000;
  const carried = Math.floor(low / TWO_TO_32);
  writer.int32(high * 1_000 + carried);
  writer.int32(low - carried * TWO_TO_32);
}

/** `timestamptz[]`, of milliseconds since the epoch, in the years 1 to 9999. A number that is no time is a RangeError, as of Date. */
export const momentArray = <Row>(rows: readonly Row[], element: Element<Row, number>): Buffer =>
  fixedArray(MOMENT, rows, element, writeMoment);

const DATE = { oid: OID.date, width: 4 };
const DATE_FORM = /^\d{4}-\d{2}-\d{2}$/;

function writeDate(writer: ArrayWriter, value: string): void {
  const ms = DATE_FORM.test(value) ? Date.parse(`${value}T00:00:00Z`) : NaN;
  // The 31st of February is parsed as a day of March.
  if (Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(value)) {
    throw noSuchDate(value);
  }
  writer.int32((ms - POSTGRES_EPOCH_MS) / DAY_MS);
}

/** `date[]`, of days as `2026-11-21`. */
export const dateArray = <Row>(rows: readonly Row[], element: Element<Row, string>): Buffer =>
  fixedArray(DATE, rows, element, writeDate);

const TEXT = { oid: OID.text, guess: TEXT_GUESS_BYTES };

function writeText(writer: ArrayWriter, value: string): void {
  // What was parsed of a message is not always what its type says.
  if (typeof value !== 'string') throw invalid('text', JSON.stringify(value));
  writer.text(value);
}

/** `text[]`. Half of a surrogate pair becomes U+FFFD, as everywhere where UTF-8 is made of strings. */
export const textArray = <Row>(rows: readonly Row[], element: Element<Row, string>): Buffer =>
  varyingArray(TEXT, rows, element, writeText);

const JSONB = { oid: OID.jsonb, guess: JSONB_GUESS_BYTES };

function writeJsonb(writer: ArrayWriter, value: string | Buffer): void {
  if (typeof value === 'string') writer.text(value, JSONB_VERSION);
  else if (isUtf8(value)) writer.raw(value, JSONB_VERSION);
  // As a string would have come of these bytes: with U+FFFD for what is none.
  else writer.text(value.toString(), JSONB_VERSION);
}

/** `jsonb[]`, of JSON as text or its UTF-8. Postgres parses it when the parameters are bound, before any row is written. */
export const jsonbArray = <Row>(rows: readonly Row[], element: Element<Row, string | Buffer>): Buffer =>
  varyingArray(JSONB, rows, element, writeJsonb);

const BYTEA = { oid: OID.bytea, guess: JSONB_GUESS_BYTES };
const writeBytes = (writer: ArrayWriter, value: Uint8Array): void => writer.raw(value);

/** `bytea[]` */
export const byteaArray = <Row>(rows: readonly Row[], element: Element<Row, Uint8Array>): Buffer =>
  varyingArray(BYTEA, rows, element, writeBytes);
