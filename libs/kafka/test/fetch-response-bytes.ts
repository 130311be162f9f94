import { createRequire } from 'node:module';
import { WireWriter } from '../src/wire-writer.ts';

/** The decoder that ours stands in for. */
const theirs = createRequire(import.meta.url);
export const theirResponse = theirs('kafkajs/src/protocol/requests/fetch/v11/response') as {
  decode(payload: Buffer): Promise<TheirAnswer>;
  parse(answer: TheirAnswer): Promise<TheirAnswer>;
};
type Headers = Record<string, Buffer | null | (Buffer | null)[]>;
export interface TheirRecord {
  key: Buffer | null;
  value: Buffer | null;
  headers: Headers;
  timestamp: string | number;
  offset: string | number;
  isControlRecord: boolean;
  batchContext: { producerId: string; inTransaction: boolean };
}
export type TheirPartition = Record<string, unknown> & { messages: TheirRecord[] };
export type TheirAnswer = Record<string, unknown> & {
  responses: { topicName: string; partitions: TheirPartition[] }[];
};

export const written = (write: (writer: WireWriter) => void): Buffer => {
  const writer = new WireWriter(0);
  write(writer);
  return Buffer.from(writer.written);
};

interface Partition {
  partition?: number;
  errorCode?: number;
  highWatermark?: number;
  aborted?: [producerId: number, firstOffset: number][];
  records?: Buffer | null;
}

export function response(topics: Record<string, Partition[]>): Buffer {
  const parts = [
    written((to) => {
      to.int32(17);
      to.int16(0);
      to.int32(99);
      to.int32(Object.keys(topics).length);
    }),
  ];
  for (const [topic, partitions] of Object.entries(topics)) {
    parts.push(written((to) => (to.string(topic), to.int32(partitions.length))));
    for (const { partition = 0, errorCode = 0, highWatermark = 2 ** 40, aborted, records } of partitions) {
      const head = written((to) => {
        to.int32(partition);
        to.int16(errorCode);
        to.int64(highWatermark);
        to.int64(highWatermark - 1);
        to.int64(3);
        to.int32(aborted?.length ?? -1);
        for (const [producerId, firstOffset] of aborted ?? []) {
          to.int64(producerId);
          to.int64(firstOffset);
        }
        to.int32(-1);
        to.int32(records?.length ?? -1);
      });
      parts.push(head, records ?? Buffer.alloc(0));
    }
  }
  return Buffer.concat(parts);
}

interface BatchParts {
  attributes?: number;
  baseOffset?: number;
  firstTimestamp?: number;
  maxTimestamp?: number;
  producerId?: number;
  count?: number;
}

export function batchOf(body: Buffer, count: number, parts: BatchParts = {}): Buffer {
  const rest = written((to) => {
    to.int32(-1);
    to.int8(2);
    to.int32(0);
    to.int16(parts.attributes ?? 0);
    to.int32(count - 1);
    to.int64(parts.firstTimestamp ?? 1_700_000_000_000);
    to.int64(parts.maxTimestamp ?? 1_700_000_000_999);
    to.int64(parts.producerId ?? -1);
    to.int16(0);
    to.int32(0);
    to.int32(parts.count ?? count);
  });
  const head = written((to) => (to.int64(parts.baseOffset ?? 0), to.int32(rest.length + body.length)));
  return Buffer.concat([head, rest, body]);
}

function varlong(value: bigint): number[] {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const bytes: number[] = [];
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}

interface RecordParts {
  offsetDelta?: number;
  timestampDelta?: bigint;
  key?: string | Buffer | null;
  value?: string | null;
  headers?: [string, string | null][];
}

export const record = ({
  offsetDelta = 0,
  timestampDelta = 0n,
  key = 'k',
  value = 'v',
  headers = [],
}: RecordParts) =>
  written((to) =>
    to.varLengthOf(0, () => {
      to.int8(0);
      for (const byte of varlong(timestampDelta)) to.int8(byte);
      to.varint(offsetDelta);
      to.varBytes(key);
      to.varBytes(value);
      to.varint(headers.length);
      for (const [name, each] of headers) {
        to.varBytes(name);
        to.varBytes(each);
      }
    }),
  );

export const batch = (records: RecordParts[], parts?: BatchParts) =>
  batchOf(
    Buffer.concat(records.map((each, offsetDelta) => record({ offsetDelta, ...each }))),
    records.length,
    parts,
  );
