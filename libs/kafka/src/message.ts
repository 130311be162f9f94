import type { KafkaMessage } from 'kafkajs';
import { FetchedRecord } from './fetched-records.ts';
import type { IncomingMessage } from './incoming-message.ts';

export type { IncomingMessage };

export interface MessageBatch {
  /** Without the connection's prefix. */
  readonly topic: string;
  readonly partition: number;
  /** In order of offset; at least one, unless the handler asked to be told of what is passed over. Buffers are slices of the fetched response: do not write into them. */
  readonly messages: IncomingMessage[];
  /** What of this delivery went to the dead letters since the handler last resolved: it had no effect and never will by itself. */
  readonly buried: IncomingMessage[];
  /** Everything below is done once this batch is: behind its last message, and behind what was passed over. */
  readonly nextOffset: number;
  /** Offset that the next message written to the partition would get, as of the last fetch. */
  readonly highWatermark: number;
  /** Counts up, over the life of the process, each time this partition is assigned to it. */
  readonly assignment: number;
  /** Next offset that Kafka has committed for this group and partition, as far as known; ≤ `messages[0].offset`. */
  readonly committedOffset: number;
  /** True once the partition is no longer this assignment's: whatever is not durable by now should not become so. */
  isStale(): boolean;
  /** Not needed to stay in the group: heartbeats go on while a handler works. */
  heartbeat(): Promise<void>;
}

export interface OutgoingMessage {
  /** Without the connection's prefix. */
  topic: string;
  /** Always explicit, see `partitionOf` in the contracts: the publisher never chooses. */
  partition: number;
  key: string | null;
  /** `null` is a tombstone. */
  value: Buffer | string | null;
  headers: Record<string, string | Buffer>;
}

export interface PublishAck {
  topic: string;
  partition: number;
  /** Offset of the caller's last message in that partition. */
  lastOffset: number;
}

/** What was decoded here is a message already; kafkajs decodes what is compressed. */
export function fromKafkaMessage(message: KafkaMessage | FetchedRecord): IncomingMessage {
  if (message instanceof FetchedRecord) return message;
  return {
    key: message.key,
    value: message.value,
    headers: singleHeaders(message.headers as KafkaHeaders | undefined),
    timestampMs: Number(message.timestamp),
    offset: Number(message.offset),
  };
}

/** One header, without reading the others. */
export const headerOf = (message: IncomingMessage, name: string): Buffer | undefined =>
  message instanceof FetchedRecord ? message.header(name) : message.headers[name];

/** For readers who keep or copy messages: with its headers read, as properties of its own. */
export const unpacked = ({ key, value, headers, timestampMs, offset }: IncomingMessage): IncomingMessage => ({
  key,
  value,
  headers,
  timestampMs,
  offset,
});

type KafkaHeaders = Record<string, Buffer | Buffer[] | undefined>;

/** The object is handed through as it came: copying eight headers per message would cost more than the rest of the transport. */
function singleHeaders(headers: KafkaHeaders | undefined): Record<string, Buffer | undefined> {
  if (headers === undefined) return {};
  for (const name in headers) {
    const value = headers[name];
    if (Array.isArray(value)) headers[name] = value.at(-1);
    // Its types do not know of headers without a value.
    headers[name] ??= undefined;
  }
  return headers as Record<string, Buffer | undefined>;
}

export function bytesOf(message: { key: Buffer | null; value: Buffer | null }): number {
  return (message.key?.length ?? 0) + (message.value?.length ?? 0);
}
