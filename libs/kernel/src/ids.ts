import { randomFillSync } from 'node:crypto';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether `text` is a UUID in its canonical lower-case form: the only form we hand out, so any other is an id we never gave. */
export const isUuid = (text: string): boolean => UUID.test(text);

const POOL_IDS = 256;
const pool = Buffer.alloc(POOL_IDS * 10);
let used = POOL_IDS;
let lastMs = 0;
let sequence = 0;

/**
 * A UUIDv7 (RFC 9562): 48 bits of unix milliseconds, 12 bits that count up within a millisecond of this process, 62 random bits.
 * Ids made by one process sort in the order in which they were made.
 */
export function uuidv7(nowMs: number = Date.now()): string {
  if (used === POOL_IDS) {
    randomFillSync(pool);
    used = 0;
  }
  const at = used++ * 10;
  if (nowMs > lastMs) {
    lastMs = nowMs;
    sequence = pool.readUInt16BE(at) & 0x7ff;
  } else if (++sequence > 0xfff) {
    lastMs += 1;
    sequence = 0;
  }
  const time = lastMs.toString(16).padStart(12, '0');
  const counter = sequence.toString(16).padStart(3, '0');
  const variant = ((pool.readUInt16BE(at) & 0x3fff) | 0x8000).toString(16);
  const random = pool.toString('hex', at + 2, at + 8);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter}-${variant}-${random}`;
}

/** More than a byte holds. */
const NO_DIGIT = 0x1000;

/** What a hexadecimal digit is worth, by its character code. */
const DIGITS = new Uint16Array(0x80).fill(NO_DIGIT);
for (const digit of '0123456789abcdefABCDEF') DIGITS[digit.charCodeAt(0)] = parseInt(digit, 16);

/** Where the two digits of each byte begin in a UUID's text. */
const BYTE_STARTS = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const;

/** Writes the 16 bytes of a UUID. In a batch there are thousands: nothing is allocated for one. Throws of what is none. */
export function writeUuid(uuid: string, bytes: Buffer, at = 0): void {
  if (uuid.length !== 36) throw new Error(`"${uuid.slice(0, 80)}" is no UUID.`);
  for (let i = 0; i < 16; i++) {
    const start = BYTE_STARTS[i]!;
    const high = DIGITS[uuid.charCodeAt(start)] ?? NO_DIGIT;
    const byte = (high << 4) | (DIGITS[uuid.charCodeAt(start + 1)] ?? NO_DIGIT);
    if (byte > 0xff) throw new Error(`"${uuid.slice(0, 80)}" is no UUID.`);
    bytes[at + i] = byte;
  }
}

/** The canonical UUID of 16 bytes that start at `offset`. */
export function uuidFromBytes(bytes: Buffer, offset = 0): string {
  const hex = bytes.toString('hex', offset, offset + 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
