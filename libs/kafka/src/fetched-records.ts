import { NameCache } from './name-cache.ts';
import { MalformedBytes, WireReader } from './wire-reader.ts';

/** A record as kafkajs' `Batch` and `fromKafkaMessage` read it. */
export interface FetchedRecord {
  key: Buffer | null;
  value: Buffer | null;
  /** Of a header that was sent more than once, the last one. */
  headers: Record<string, Buffer | null>;
  /** Both as numbers: kafkajs compares them as well as its strings, and we want no others. */
  timestamp: number;
  offset: number;
  isControlRecord: boolean;
  batchContext: BatchContext;
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
  const isAppendTime = (attributes & LOG_APPEND_TIME) !== 0;
  const isControlRecord = (attributes & CONTROL) !== 0;
  const batchContext = { producerId, inTransaction: (attributes & TRANSACTIONAL) !== 0 };
  const count = reader.int32();
  if (count < 0) throw new MalformedBytes(`A batch of ${count} records at offset ${baseOffset}`);
  for (let i = 0; i < count; i++) {
    const length = reader.varint();
    const end = reader.at + length;
    reader.int8(); // attributes: none defined
    const timestampDelta = reader.varlong();
    const offset = baseOffset + reader.varint();
    const key = reader.varBytes();
    const value = reader.varBytes();
    const headers = readHeaders(reader);
    if (reader.at !== end)
      throw new MalformedBytes(`Record ${offset} is not of the ${length} bytes it claims`);
    const timestamp = isAppendTime ? maxTimestamp : firstTimestamp + timestampDelta;
    records.push({ key, value, headers, timestamp, offset, isControlRecord, batchContext });
  }
  if (reader.remaining > 0) {
    throw new MalformedBytes(
      `${reader.remaining} bytes behind the records of the batch at offset ${baseOffset}`,
    );
  }
  return true;
}

function readHeaders(reader: WireReader): Record<string, Buffer | null> {
  const headers: Record<string, Buffer | null> = {};
  const count = reader.varint();
  if (count < 0) throw new MalformedBytes(`${count} headers before ${reader.at}`);
  for (let i = 0; i < count; i++) {
    const name = reader.varName(names);
    const value = reader.varBytes();
    if (name === '__proto__') Object.defineProperty(headers, name, { ...OWN, value });
    else headers[name] = value;
  }
  return headers;
}

/** As assignment defines any other name. */
const OWN = { enumerable: true, writable: true, configurable: true };
