import type { IncomingMessage } from './incoming-message.ts';
import { NameCache } from './name-cache.ts';
import { MalformedBytes, WireReader } from './wire-reader.ts';

/** What the records of one batch have in common. */
interface RecordBatch {
  readonly reader: WireReader;
  readonly isControlRecord: boolean;
  readonly batchContext: BatchContext;
}

/**
 * A record as kafkajs' `Batch` reads it, and a message as handlers do. Its headers stay bytes, and are read for whoever asks for them:
 * of a backlog thousands of messages wait or are at work, and the views of their headers would be most of the heap.
 */
export class FetchedRecord implements IncomingMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestampMs: number;
  readonly offset: number;
  readonly #batch: RecordBatch;
  readonly #headersAt: number;

  /** `reader` stands behind the record's length; it goes on behind the record. */
  constructor(batch: RecordBatch, baseOffset: number, timestampOf: (delta: number) => number) {
    const { reader } = batch;
    reader.int8(); // attributes: none defined
    this.timestampMs = timestampOf(reader.varlong());
    this.offset = baseOffset + reader.varint();
    this.key = reader.varBytes();
    this.value = reader.varBytes();
    this.#batch = batch;
    this.#headersAt = reader.at;
    skipHeaders(reader);
  }

  /** Of a header that was sent more than once, the last one; of one without a value, `undefined`. */
  get headers(): Record<string, Buffer | undefined> {
    return readHeaders(this.#headersFrom());
  }

  /** The only one that is needed: others are not read. */
  header(name: string): Buffer | undefined {
    const reader = this.#headersFrom();
    let found: Buffer | undefined;
    for (let left = reader.varint(); left > 0; left--) {
      if (reader.varName(names) === name) found = reader.varBytes() ?? undefined;
      else skipBytes(reader);
    }
    return found;
  }

  /** A number as the offset is: kafkajs compares them as well as its strings, and we want no others. */
  get timestamp(): number {
    return this.timestampMs;
  }

  get isControlRecord(): boolean {
    return this.#batch.isControlRecord;
  }

  get batchContext(): BatchContext {
    return this.#batch.batchContext;
  }

  #headersFrom(): WireReader {
    return this.#batch.reader.from(this.#headersAt);
  }
}

/** What kafkajs tells aborted transactions by. */
export interface BatchContext {
  producerId: string;
  inTransaction: boolean;
}

/** Bytes of base offset and length, which come before all else of a batch. */
const BEFORE_LENGTH_COUNTS = 8 + 4;
const MAGIC = 2;
/** Bits of a batch's attributes. https://kafka.apache.org/documentation/#recordbatch */
const COMPRESSION = 0b111;
const LOG_APPEND_TIME = 0b1000;
const TRANSACTIONAL = 0b1_0000;
const CONTROL = 0b10_0000;

const names = new NameCache();

/**
 * Reads the record batches of a partition. The last one is left out when it is not whole: the broker cuts where the
 * fetch's bytes end. Undefined when one is compressed or of an older format. Checksums are not verified; sizes must agree.
 */
export function readRecordBatches(reader: WireReader): FetchedRecord[] | undefined {
  const records: FetchedRecord[] = [];
  while (reader.remaining >= BEFORE_LENGTH_COUNTS) {
    const baseOffset = reader.int64();
    const length = reader.int32();
    if (length > reader.remaining) break;
    if (!readRecordBatch(reader.part(length), baseOffset, records)) return undefined;
  }
  return records;
}

function readRecordBatch(reader: WireReader, baseOffset: number, records: FetchedRecord[]): boolean {
  reader.int32(); // partition leader epoch
  if (reader.int8() !== MAGIC) return false;
  reader.int32(); // checksum
  const attributes = reader.int16();
  if ((attributes & COMPRESSION) !== 0) return false;
  reader.int32(); // last offset delta
  const firstTimestamp = reader.int64();
  const maxTimestamp = reader.int64();
  const producerId = String(reader.bigint64());
  reader.int16(); // producer epoch
  reader.int32(); // first sequence
  const timestampOf =
    (attributes & LOG_APPEND_TIME) === 0 ? (delta: number) => firstTimestamp + delta : () => maxTimestamp;
  const batch = {
    reader,
    isControlRecord: (attributes & CONTROL) !== 0,
    batchContext: { producerId, inTransaction: (attributes & TRANSACTIONAL) !== 0 },
  };
  const count = reader.int32();
  if (count < 0) throw new MalformedBytes(`A batch of ${count} records at offset ${baseOffset}`);
  for (let i = 0; i < count; i++) {
    const length = reader.varint();
    const end = reader.at + length;
    const record = new FetchedRecord(batch, baseOffset, timestampOf);
    if (reader.at !== end) {
      throw new MalformedBytes(`Record ${record.offset} is not of the ${length} bytes it claims`);
    }
    records.push(record);
  }
  if (reader.remaining > 0) {
    throw new MalformedBytes(
      `${reader.remaining} bytes behind the records of the batch at offset ${baseOffset}`,
    );
  }
  return true;
}

function skipHeaders(reader: WireReader): void {
  const count = reader.varint();
  if (count < 0) throw new MalformedBytes(`${count} headers before ${reader.at}`);
  for (let i = 0; i < count; i++) {
    reader.skip(reader.varint());
    skipBytes(reader);
  }
}

function skipBytes(reader: WireReader): void {
  const length = reader.varint();
  if (length !== -1) reader.skip(length);
}

/** Of a record that was read before: its headers are whole. */
function readHeaders(reader: WireReader): Record<string, Buffer | undefined> {
  const headers: Record<string, Buffer | undefined> = {};
  for (let left = reader.varint(); left > 0; left--) {
    const name = reader.varName(names);
    const value = reader.varBytes() ?? undefined;
    if (name === '__proto__') Object.defineProperty(headers, name, { ...OWN, value });
    else headers[name] = value;
  }
  return headers;
}

/** As assignment defines any other name. */
const OWN = { enumerable: true, writable: true, configurable: true };
