import { uuidFromBytes, writeUuid } from '@trackline/kernel';
import type { Decision } from './verdict.ts';

/**
 * The journal of a batch: what must be known to publish its verdicts once more, exactly as they were, without judging.
 * Everything else (event id, moments, properties) is read from the source message again. About 20 bytes an event.
 *
 * An entry: offset since the entry before (varint), kind (1 byte), then by kind
 * admitted, over_limit: contact (16), month's count (varint);
 * duplicate:            the same, and the first event's id (16);
 * replay:               the same (contact of the first), and the first's source (length, ASCII) and offset (varint).
 * Dead letters have rows of their own; ticks are not journalled: repeating one would do nothing.
 */
const KINDS = ['admitted', 'over_limit', 'duplicate', 'replay', 'dead_letter'] as const;

export type JournalEntry = { readonly offset: number } & (
  | { readonly kind: 'admitted' | 'over_limit'; readonly contactId: string; readonly monthUsed: number }
  | {
      readonly kind: 'duplicate';
      readonly contactId: string;
      readonly monthUsed: number;
      readonly of: string;
    }
  | {
      readonly kind: 'replay';
      readonly contactId: string;
      readonly monthUsed: number;
      readonly source: string;
      readonly sourceOffset: number;
    }
  | { readonly kind: 'dead_letter' }
);

/** The entries of a batch whose first message is at `firstOffset`; empty when there is nothing to repeat. */
export function encodeJournal(firstOffset: number, decisions: readonly Decision[]): Buffer {
  const bytes = new ByteWriter(decisions.length * 24);
  let last = firstOffset;
  for (const { offset, event, outcome } of decisions) {
    if (outcome.kind === 'tick') continue;
    bytes.varint(offset - last);
    last = offset;
    bytes.byte(KINDS.indexOf(outcome.kind));
    if (outcome.kind === 'dead_letter') continue;
    bytes.uuid(outcome.kind === 'replay' ? outcome.contactId : event!.contactId);
    bytes.varint(outcome.monthUsed);
    if (outcome.kind === 'duplicate') bytes.uuid(outcome.of);
    if (outcome.kind === 'replay') {
      bytes.byte(outcome.first.source.length);
      bytes.ascii(outcome.first.source);
      bytes.varint(outcome.first.offset);
    }
  }
  return bytes.done();
}

export function decodeJournal(firstOffset: number, entries: Buffer): JournalEntry[] {
  const bytes = new ByteReader(entries);
  const decoded: JournalEntry[] = [];
  let offset = firstOffset;
  while (!bytes.atEnd()) {
    offset += bytes.varint();
    const kind = KINDS[bytes.byte()];
    if (kind === undefined) throw new Error(`The journal entry at offset ${offset} is of no known kind.`);
    if (kind === 'dead_letter') {
      decoded.push({ offset, kind });
      continue;
    }
    const contactId = bytes.uuid();
    const monthUsed = bytes.varint();
    if (kind === 'duplicate') decoded.push({ offset, kind, contactId, monthUsed, of: bytes.uuid() });
    else if (kind === 'replay') {
      const source = bytes.ascii(bytes.byte());
      decoded.push({ offset, kind, contactId, monthUsed, source, sourceOffset: bytes.varint() });
    } else decoded.push({ offset, kind, contactId, monthUsed });
  }
  return decoded;
}

class ByteWriter {
  private bytes: Buffer;
  private at = 0;

  constructor(expected: number) {
    this.bytes = Buffer.allocUnsafe(Math.max(64, expected));
  }

  byte(value: number): void {
    this.room(1);
    this.bytes[this.at++] = value;
  }

  varint(value: number): void {
    this.room(8);
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.at++] = rest;
  }

  uuid(id: string): void {
    this.room(16);
    writeUuid(id, this.bytes, this.at);
    this.at += 16;
  }

  ascii(text: string): void {
    this.room(text.length);
    this.at += this.bytes.write(text, this.at, 'latin1');
  }

  done(): Buffer {
    return this.bytes.subarray(0, this.at);
  }

  private room(size: number): void {
    if (this.at + size <= this.bytes.length) return;
    this.bytes = Buffer.concat([this.bytes], this.bytes.length * 2 + size);
  }
}

class ByteReader {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  atEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  byte(): number {
    return this.bytes.readUInt8(this.at++);
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  uuid(): string {
    this.at += 16;
    return uuidFromBytes(this.bytes, this.at - 16);
  }

  ascii(length: number): string {
    this.at += length;
    return this.bytes.toString('latin1', this.at - length, this.at);
  }
}
