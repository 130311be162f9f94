import { readRecordBatches, type FetchedRecord } from './fetched-records.ts';
import { WireReader } from './wire-reader.ts';

/** Of one partition, as far as kafkajs reads it. */
export interface FetchedPartition {
  partition: number;
  errorCode: number;
  highWatermark: string;
  abortedTransactions: { producerId: string; firstOffset: string }[];
  /** -1 is none. */
  preferredReadReplica: number;
  messages: FetchedRecord[];
}

/** In kafkajs' shape and types, so that its `parse` and its `Batch` take it. */
export interface FetchAnswer {
  throttleTime: number;
  /** As the broker asks: the connection waits so long before its next request. */
  clientSideThrottleTime: number;
  errorCode: number;
  sessionId: number;
  responses: { topicName: string; partitions: FetchedPartition[] }[];
}

/** The version that kafkajs asks brokers for since Kafka 2.3, and the only one that is read here. */
export const FETCH_VERSION = 11;

/**
 * Reads a fetch response of version 11. Keys, values and headers are views of it. Undefined when it holds what is not
 * read here: compressed batches, or those of before Kafka 0.11. https://kafka.apache.org/protocol#The_Messages_Fetch
 */
export function decodeFetched(payload: Buffer): FetchAnswer | undefined {
  const reader = new WireReader(payload);
  const clientSideThrottleTime = reader.int32();
  const errorCode = reader.int16();
  const sessionId = reader.int32();
  const responses: FetchAnswer['responses'] = [];
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topicName = reader.string();
    const partitions: FetchedPartition[] = [];
    for (let left = reader.int32(); left > 0; left--) {
      const partition = readPartition(reader);
      if (partition === undefined) return undefined;
      partitions.push(partition);
    }
    responses.push({ topicName, partitions });
  }
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses };
}

function readPartition(reader: WireReader): FetchedPartition | undefined {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = String(reader.bigint64());
  reader.skip(8 + 8); // last stable offset, log start offset
  const abortedTransactions: FetchedPartition['abortedTransactions'] = [];
  for (let left = reader.int32(); left > 0; left--) {
    const producerId = String(reader.bigint64());
    abortedTransactions.push({ producerId, firstOffset: String(reader.bigint64()) });
  }
  const preferredReadReplica = reader.int32();
  const messages = readRecordBatches(reader.part(Math.max(0, reader.int32())));
  return (
    messages && { partition, errorCode, highWatermark, abortedTransactions, preferredReadReplica, messages }
  );
}
