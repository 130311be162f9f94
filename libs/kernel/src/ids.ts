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

/** The 16 bytes of a canonical UUID. */
export const uuidToBytes = (uuid: string): Buffer => Buffer.from(uuid.replaceAll('-', ''), 'hex');

/** The canonical UUID of 16 bytes that start at `offset`. */
export function uuidFromBytes(bytes: Buffer, offset = 0): string {
  const hex = bytes.toString('hex', offset, offset + 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
