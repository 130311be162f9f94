import type { NameCache } from './name-cache.ts';

/** Bytes that are not what the protocol says they are: where they begin to differ is not known, so nothing after is to be trusted. */
export class MalformedBytes extends Error {
  override readonly name = 'MalformedBytes';
}

/** What `subarray` makes its views with. That costs as much again around it, and there are two views per record and one per header. */
const View = (Buffer as unknown as { [Symbol.species]: ViewConstructor })[Symbol.species];
type ViewConstructor = new (bytes: ArrayBufferLike, from: number, length: number) => Buffer;

/** A varint of 32 bits takes at most so many bytes, one of 64 bits so many. */
const MAX_VARINT_BYTES = 5;
const MAX_VARLONG_BYTES = 10;

/** Reads Kafka's primitive types out of a part of a buffer, and never past the end of that part. What it hands out are views. */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  /** Where `bytes` lie. */
  readonly #memory: ArrayBufferLike;
  readonly #memoryFrom: number;
  #at: number;

  constructor(bytes: Buffer, from = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = end;
    this.#memory = bytes.buffer;
    this.#memoryFrom = bytes.byteOffset;
  }

  get at(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  /** The next bytes, as a reader of their own; this one goes on behind them. */
  part(length: number): WireReader {
    const from = this.skip(length);
    return new WireReader(this.#bytes, from, this.#at);
  }

  /** The same bytes once more, from `at` on. */
  from(at: number): WireReader {
    return new WireReader(this.#bytes, at, this.#end);
  }

  /** Returns where the skipped bytes begin. */
  skip(length: number): number {
    const at = this.#at;
    if (length < 0 || length > this.#end - at) {
      throw new MalformedBytes(`${length} bytes expected at ${at}, ${this.#end - at} are there`);
    }
    this.#at = at + length;
    return at;
  }

  int8(): number {
    return this.#bytes.readInt8(this.skip(1));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.skip(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.skip(4));
  }

  /** Exact below 2^53, which offsets and times are. */
  int64(): number {
    const at = this.skip(8);
    return this.#bytes.readInt32BE(at) * 2 ** 32 + this.#bytes.readUInt32BE(at + 4);
  }

  bigint64(): bigint {
    return this.#bytes.readBigInt64BE(this.skip(8));
  }

  /** 16 bits of length, then UTF-8. */
  string(): string {
    const length = this.int16();
    const from = this.skip(length);
    return this.#bytes.toString('utf8', from, from + length);
  }

  varint(): number {
    const bytes = this.#bytes;
    let at = this.skip(1);
    let byte = bytes[at]!;
    let bits = byte & 0x7f;
    for (let shift = 7; byte > 0x7f; shift += 7) {
      if (shift === 7 * MAX_VARINT_BYTES) throw new MalformedBytes(`Varint of too many bytes before ${at}`);
      at = this.skip(1);
      byte = bytes[at]!;
      bits |= (byte & 0x7f) << shift;
    }
    return (bits >>> 1) ^ -(bits & 1);
  }

  /** 64 bits; exact within 2^53. */
  varlong(): number {
    const first = this.#bytes[this.#at]!;
    // Records of one batch were mostly made within the same milliseconds.
    if (first < 0x80 && this.#at < this.#end) {
      this.#at++;
      return (first >>> 1) ^ -(first & 1);
    }
    let bits = 0n;
    for (let i = 0; i < MAX_VARLONG_BYTES; i++) {
      const byte = this.#bytes[this.skip(1)]!;
      bits |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return Number(BigInt.asIntN(64, (BigInt.asUintN(64, bits) >> 1n) ^ -(bits & 1n)));
    }
    throw new MalformedBytes(`Varint of too many bytes before ${this.#at}`);
  }

  /** Length as varint, then the bytes; null is length -1. */
  varBytes(): Buffer | null {
    const length = this.varint();
    if (length === -1) return null;
    const from = this.skip(length);
    return new View(this.#memory, this.#memoryFrom + from, length);
  }

  /** Length as varint, then UTF-8. */
  varName(names: NameCache): string {
    const length = this.varint();
    return names.nameOf(this.#bytes, this.skip(length), length);
  }
}
