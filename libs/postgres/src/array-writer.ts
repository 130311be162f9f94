/** Dimensions, whether there are nulls, element type, length, lower bound: 32 bits each. */
export const HEADER_BYTES = 20;
/** An empty array has no dimension, so neither length nor bound. */
const EMPTY_BYTES = 12;
export const LENGTH_BYTES = 4;
export const NULL_LENGTH = -1;

const TWO_TO_32 = 2 ** 32;

/** Up to this length a loop over characters is faster than a call out of JavaScript. */
const SHORT_TEXT = 32;
/** Up to this length room is made for the most that a text can need, which spares looking through it twice. */
const LONG_TEXT = 1_024;
/** Of one UTF-16 unit, in UTF-8. */
const MAX_CHARACTER_BYTES = 3;
const LAST_ASCII = 0x7f;

/** The array that ends at `end`, its header written now that all of it is known. */
export function withHeader(bytes: Buffer, oid: number, count: number, hasNulls: number, end: number): Buffer {
  bytes.writeInt32BE(count === 0 ? 0 : 1, 0);
  bytes.writeInt32BE(hasNulls, 4);
  bytes.writeInt32BE(oid, 8);
  if (count === 0) return bytes.subarray(0, EMPTY_BYTES);
  bytes.writeInt32BE(count, 12);
  bytes.writeInt32BE(1, 16);
  return bytes.subarray(0, end);
}

/** Of a row, the element of the array that it makes; null and undefined are NULL. */
export type Element<Row, Value> = (row: Row) => Value | null | undefined;

/** One growing buffer: `room` first, then the writes that fit into it. */
export class ArrayWriter {
  private bytes: Buffer;
  private at = HEADER_BYTES;
  private hasNulls = 0;
  private readonly oid: number;
  private readonly count: number;

  constructor(oid: number, count: number, guessedBytes: number) {
    this.oid = oid;
    this.count = count;
    this.bytes = Buffer.allocUnsafe(HEADER_BYTES + count * (LENGTH_BYTES + guessedBytes));
  }

  room(size: number): void {
    const wanted = this.at + size;
    if (wanted <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(wanted, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
  }

  null(): void {
    this.hasNulls = 1;
    this.int32(NULL_LENGTH);
  }

  int8(value: number): void {
    this.bytes[this.at++] = value;
  }

  int16(value: number): void {
    const { bytes, at } = this;
    bytes[at] = value >>> 8;
    bytes[at + 1] = value;
    this.at = at + 2;
  }

  int32(value: number): void {
    const { bytes, at } = this;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
    this.at = at + 4;
  }

  /** Of a number that is an integer and safe. */
  int64(value: number): void {
    const high = Math.floor(value / TWO_TO_32);
    this.int32(high);
    this.int32(value - high * TWO_TO_32);
  }

  /** With its length before it; `version`: a byte more, before the text and part of it. */
  text(text: string, version?: number): void {
    const { length } = text;
    const more = version === undefined ? 0 : 1;
    this.room(
      LENGTH_BYTES + more + (length > LONG_TEXT ? Buffer.byteLength(text) : length * MAX_CHARACTER_BYTES),
    );
    const from = this.at + LENGTH_BYTES + more;
    const size =
      length <= SHORT_TEXT && writeAscii(this.bytes, from, text) ? length : this.bytes.write(text, from);
    this.int32(size + more);
    if (version !== undefined) this.int8(version);
    this.at += size;
  }

  raw(value: Uint8Array, version?: number): void {
    const more = version === undefined ? 0 : 1;
    this.room(LENGTH_BYTES + more + value.length);
    this.int32(value.length + more);
    if (version !== undefined) this.int8(version);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }

  end(): Buffer {
    return withHeader(this.bytes, this.oid, this.count, this.hasNulls, this.at);
  }
}

/** False: some of it is not ASCII, and what was written is of no use. */
function writeAscii(bytes: Buffer, from: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > LAST_ASCII) return false;
    bytes[from + i] = code;
  }
  return true;
}
