import type { OutgoingMessage } from './message.ts';
import { writeRecordBatch } from './record-batch.ts';
import { WireWriter } from './wire-writer.ts';

/** What goes to one partition in one request. `topic` is the broker's name. */
export interface PartitionWrite {
  topic: string;
  partition: number;
  messages: readonly OutgoingMessage[];
  /** About, to make room for it at once. */
  bytes: number;
}

export interface PartitionWritten {
  topic: string;
  partition: number;
  errorCode: number;
  baseOffset: number;
}

/** In the shape in which kafkajs' connections take a request and its response. */
export interface ProtocolRequest<Answer> {
  request: {
    apiKey: number;
    apiVersion: number;
    apiName: string;
    expectResponse(): boolean;
    encode(): Promise<{ buf: Buffer; buffer: Buffer }>;
  };
  response: { decode(payload: Buffer): Promise<Answer>; parse(answer: Answer): Promise<Answer> };
}

export interface ProduceAnswer {
  written: PartitionWritten[];
  /** As the broker asks: the connection waits so long before its next request. */
  clientSideThrottleTime: number;
}

const ALL_IN_SYNC_REPLICAS = -1;
const BYTES_BESIDES_RECORDS = 200;

/** Produce, version 7: known to every broker since Kafka 2.1, and still to those of version 4. */
export function produceRequest(
  writes: readonly PartitionWrite[],
  timeoutMs: number,
): ProtocolRequest<ProduceAnswer> {
  return {
    request: {
      apiKey: 0,
      apiVersion: 7,
      apiName: 'Produce',
      expectResponse: () => true,
      encode: () => {
        const buffer = encodeProduce(writes, timeoutMs, Date.now());
        return Promise.resolve({ buf: buffer, buffer });
      },
    },
    response: {
      decode: (payload) => Promise.resolve(decodeProduced(payload)),
      parse: (answer) => Promise.resolve(answer),
    },
  };
}

export function encodeProduce(writes: readonly PartitionWrite[], timeoutMs: number, nowMs: number): Buffer {
  const byTopic = new Map<string, PartitionWrite[]>();
  let bytes = BYTES_BESIDES_RECORDS;
  for (const write of writes) {
    bytes += write.bytes + BYTES_BESIDES_RECORDS;
    const list = byTopic.get(write.topic);
    if (list) list.push(write);
    else byTopic.set(write.topic, [write]);
  }
  const writer = new WireWriter(bytes);
  writer.string(null); // transactional id
  writer.int16(ALL_IN_SYNC_REPLICAS);
  writer.int32(timeoutMs);
  writer.int32(byTopic.size);
  for (const [topic, list] of byTopic) {
    writer.string(topic);
    writer.int32(list.length);
    for (const { partition, messages } of list) {
      writer.int32(partition);
      const sizeAt = writer.reserve(4);
      writeRecordBatch(writer, messages, nowMs);
      writer.int32At(sizeAt, writer.length - sizeAt - 4);
    }
  }
  return writer.written;
}

/** Bytes of error code, base offset, log append time and log start offset. */
const AFTER_PARTITION = 2 + 8 + 8 + 8;

function decodeProduced(payload: Buffer): ProduceAnswer {
  const written: PartitionWritten[] = [];
  let at = 0;
  let topics = payload.readInt32BE(at);
  at += 4;
  for (; topics > 0; topics--) {
    const length = payload.readInt16BE(at);
    const topic = payload.toString('utf8', at + 2, at + 2 + length);
    at += 2 + length;
    let partitions = payload.readInt32BE(at);
    at += 4;
    for (; partitions > 0; partitions--) {
      written.push({
        topic,
        partition: payload.readInt32BE(at),
        errorCode: payload.readInt16BE(at + 4),
        baseOffset: Number(payload.readBigInt64BE(at + 6)),
      });
      at += 4 + AFTER_PARTITION;
    }
  }
  return { written, clientSideThrottleTime: payload.readInt32BE(at) };
}
