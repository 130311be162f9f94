const SLOTS = 256;
/** Longer names are decoded each time. */
const MAX_BYTES = 64;

/**
 * Names of headers as strings, from their bytes. The same twenty come with every record: comparing bytes with those of a
 * name that is known is cheaper than decoding it, and the engine knows the string already when it becomes the name of a
 * property. Holds one name per slot, so that names which never come again take no room.
 */
export class NameCache {
  readonly #bytes: (Buffer | undefined)[] = new Array<Buffer | undefined>(SLOTS).fill(undefined);
  readonly #names: string[] = new Array<string>(SLOTS).fill('');

  nameOf(bytes: Buffer, from: number, length: number): string {
    if (length === 0 || length > MAX_BYTES) return bytes.toString('utf8', from, from + length);
    const to = from + length;
    const slot =
      (length * 7 + bytes[from]! * 31 + bytes[from + (length >> 1)]! * 17 + bytes[to - 1]!) & (SLOTS - 1);
    const known = this.#bytes[slot];
    if (known !== undefined && isSame(known, bytes, from, length)) return this.#names[slot]!;
    const name = bytes.toString('utf8', from, to);
    // A copy: a view would keep the response that it was seen in first.
    this.#bytes[slot] = Buffer.from(bytes.subarray(from, to));
    this.#names[slot] = name;
    return name;
  }
}

function isSame(known: Buffer, bytes: Buffer, from: number, length: number): boolean {
  if (known.length !== length) return false;
  for (let i = 0; i < length; i++) if (known[i] !== bytes[from + i]) return false;
  return true;
}
