import { HEADER_BYTES, LENGTH_BYTES, NULL_LENGTH, withHeader, type Element } from './array-writer.ts';
import { invalid } from './unstorable.ts';

const UUID_OID = 2950;
const UUID_BYTES = 16;
const UUID_LENGTH = 36;
const IN_PLACE_OF_NULL = '0'.repeat(UUID_LENGTH);
const DASH = '-'.charCodeAt(0);
/** More than what one character takes in UTF-8: whatever is not ASCII shows in how much was written. */
const SPARE_BYTES = 4;

/** By byte of text; -1 is no digit. */
const DIGITS = new Int8Array(256).fill(-1);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  DIGITS[digit.charCodeAt(0)] = value;
  DIGITS[digit.toUpperCase().charCodeAt(0)] = value;
}

/** Of two hexadecimal digits; negative when one is none. */
const byteAt = (text: Uint8Array, at: number): number => (DIGITS[text[at]!]! << 4) | DIGITS[text[at + 1]!]!;

/**
 * `uuid[]`, of UUIDs in their usual form of 36 characters.
 *
 * All texts go into the buffer by one call, to where each comes behind its own 20 bytes of array, and are turned into these from the first to the
 * last: characters that are read one by one from strings cost twice as much.
 */
export function uuidArray<Row>(rows: readonly Row[], element: Element<Row, string>): Buffer {
  const count = rows.length;
  let texts = '';
  let nulls: Set<number> | undefined;
  for (let i = 0; i < count; i++) {
    const text = element(rows[i]!);
    if (text === null || text === undefined) {
      nulls = (nulls ?? new Set()).add(i);
      texts += IN_PLACE_OF_NULL;
    } else if (text.length === UUID_LENGTH) {
      texts += text;
    } else {
      throw invalid('uuid', text);
    }
  }
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + texts.length + SPARE_BYTES);
  if (bytes.write(texts, HEADER_BYTES) !== texts.length) throw invalid('uuid', firstOdd(texts));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    if (nulls?.has(i)) {
      view.setInt32(at, NULL_LENGTH);
      at += LENGTH_BYTES;
    } else {
      if (!placeUuid(bytes, HEADER_BYTES + i * UUID_LENGTH, view, at)) {
        throw invalid('uuid', texts.slice(i * UUID_LENGTH, (i + 1) * UUID_LENGTH));
      }
      at += LENGTH_BYTES + UUID_BYTES;
    }
  }
  return withHeader(bytes, UUID_OID, count, nulls ? 1 : 0, at);
}

/** From the text at `from` to the element at `to`, which may lie over it. False: no UUID. */
function placeUuid(text: Uint8Array, from: number, view: DataView, to: number): boolean {
  const b0 = byteAt(text, from);
  const b1 = byteAt(text, from + 2);
  const b2 = byteAt(text, from + 4);
  const b3 = byteAt(text, from + 6);
  const b4 = byteAt(text, from + 9);
  const b5 = byteAt(text, from + 11);
  const b6 = byteAt(text, from + 14);
  const b7 = byteAt(text, from + 16);
  const b8 = byteAt(text, from + 19);
  const b9 = byteAt(text, from + 21);
  const b10 = byteAt(text, from + 24);
  const b11 = byteAt(text, from + 26);
  const b12 = byteAt(text, from + 28);
  const b13 = byteAt(text, from + 30);
  const b14 = byteAt(text, from + 32);
  const b15 = byteAt(text, from + 34);
  const all = b0 | b1 | b2 | b3 | b4 | b5 | b6 | b7 | b8 | b9 | b10 | b11 | b12 | b13 | b14 | b15;
  if (all < 0 || !isPunctuated(text, from)) return false;
  view.setInt32(to, UUID_BYTES);
  view.setInt32(to + 4, (b0 << 24) | (b1 << 16) | (b2 << 8) | b3);
  view.setInt32(to + 8, (b4 << 24) | (b5 << 16) | (b6 << 8) | b7);
  view.setInt32(to + 12, (b8 << 24) | (b9 << 16) | (b10 << 8) | b11);
  view.setInt32(to + 16, (b12 << 24) | (b13 << 16) | (b14 << 8) | b15);
  return true;
}

const isPunctuated = (text: Uint8Array, from: number): boolean =>
  text[from + 8] === DASH && text[from + 13] === DASH && text[from + 18] === DASH && text[from + 23] === DASH;

/** The first of texts put together in which there is more than ASCII. */
function firstOdd(texts: string): string {
  for (let at = 0; ; at += UUID_LENGTH) {
    const text = texts.slice(at, at + UUID_LENGTH);
    if (Buffer.byteLength(text) !== text.length) return text;
  }
}
