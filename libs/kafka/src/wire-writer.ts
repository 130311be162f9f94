/** Up to here a loop over the characters beats the call into the runtime. */
const SHORT_LENGTH = 48;
/** Zigzag varints of lengths below take one byte. */
const ONE_BYTE_LENGTHS = 64;

/** Writes Kafka's primitive types into one growing buffer. */
export class WireWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(expectedBytes: number) {
    this.#bytes = Buffer.allocUnsafe(Math.max(64, expectedBytes));
  }

  get length(): number {
    return this.#at;
  }

  /** What has been written: a view, valid until more is. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  int8(value: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = value & 0xff;
  }

  int16(value: number): void {
    this.#room(2);
    this.#at = this.#bytes.writeInt16BE(value, this.#at);
  }

  int32(value: number): void {
    this.#room(4);
    this.#at = this.#bytes.writeInt32BE(value, this.#at);
  }

  int64(value: number): void {
    this.#room(8);
    this.#at = this.#bytes.writeBigInt64BE(BigInt(value), this.#at);
  }

  /** 16 bits of length, then UTF-8; null is length -1. */
  string(value: string | null): void {
    if (value === null) return this.int16(-1);
    const at = this.#at;
    this.int16(0);
    this.#utf8(value);
    this.#bytes.writeInt16BE(this.#at - at - 2, at);
  }

  /** Room for a number that is known later. */
  reserve(bytes: number): number {
    this.#room(bytes);
    const at = this.#at;
    this.#at += bytes;
    return at;
  }

  int32At(at: number, value: number): void {
    this.#bytes.writeInt32BE(value, at);
  }

  uint32At(at: number, value: number): void {
    this.#bytes.writeUInt32BE(value, at);
  }

  varint(value: number): void {
    this.#room(5);
    let rest = (value << 1) ^ (value >> 31);
    while ((rest & ~0x7f) !== 0) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  /** Length as varint, then the bytes; null is length -1. */
  varBytes(value: string | Buffer | null): void {
    if (value === null) return this.varint(-1);
    if (typeof value !== 'string') {
      this.varint(value.length);
      this.#room(value.length);
      value.copy(this.#bytes, this.#at);
      this.#at += value.length;
      return;
    }
    if (value.length < ONE_BYTE_LENGTHS) {
      // Right if it is ASCII, which short strings are; else the length takes another form, and it is done again.
      const at = this.reserve(1);
      this.#utf8(value);
      const bytes = this.#at - at - 1;
      if (bytes < ONE_BYTE_LENGTHS) {
        this.#bytes[at] = bytes << 1;
        return;
      }
      this.#at = at;
    }
    this.varint(Buffer.byteLength(value));
    this.#utf8(value);
  }

  /** What `write` writes, with its length before it as varint. */
  varLengthOf(expectedBytes: number, write: () => void): void {
    const at = this.#at;
    const expected = varintSize(expectedBytes);
    this.reserve(expected);
    write();
    const length = this.#at - at - expected;
    const needed = varintSize(length);
    if (needed !== expected) {
      this.#room(needed);
      this.#bytes.copyWithin(at + needed, at + expected, this.#at);
    }
    this.#at = at;
    this.varint(length);
    this.#at += length;
  }

  #utf8(value: string): void {
    const { length } = value;
    this.#room(length * 3);
    if (length <= SHORT_LENGTH) {
      const bytes = this.#bytes;
      let at = this.#at;
      let i = 0;
      for (; i < length; i++) {
        const code = value.charCodeAt(i);
        if (code > 0x7f) break;
        bytes[at++] = code;
      }
      if (i === length) {
        this.#at = at;
        return;
      }
    }
    this.#at += this.#bytes.write(value, this.#at, 'utf8');
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#at + bytes));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}

/** Bytes that the zigzag varint of a length takes. */
function varintSize(length: number): number {
  if (length < 0x40) return 1;
  if (length < 0x2000) return 2;
  if (length < 0x100000) return 3;
  return length < 0x8000000 ? 4 : 5;
}
