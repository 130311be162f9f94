import type { KafkaConnection } from './connection.ts';
import type { IncomingMessage } from './message.ts';
import { PinnedReader } from './pinned-reader.ts';
import { Positions, type Bounds } from './positions.ts';

export interface ReadToEndSettings {
  connection: KafkaConnection;
  /** Without prefix. */
  topic: string;
  /** In order within a partition. */
  onMessage(message: IncomingMessage & { readonly partition: number }): void;
  /** How long no message may come before the reading fails. */
  silenceMs?: number;
}

/** Reads all that a topic holds now, from what is oldest up to the ends as they were at the start, and returns. For operators' tools. */
export async function readToEnd({
  connection,
  topic,
  onMessage,
  silenceMs = 15_000,
}: ReadToEndSettings): Promise<void> {
  const missing = new Map([...(await boundsOf(connection, topic))].filter(([, { low, high }]) => low < high));
  if (missing.size === 0) return;
  let finish: (error?: Error) => void = () => undefined;
  const finished = new Promise<void>((resolve, reject) => {
    finish = (error) => (error ? reject(error) : resolve());
  });
  finished.catch(() => undefined);
  const giveUp = () =>
    finish(
      new Error(
        `${topic}: no message for ${silenceMs} ms, partitions ${[...missing.keys()].join(', ')} are not read to their end`,
      ),
    );
  let silence = setTimeout(giveUp, silenceMs);
  const reader = new PinnedReader({
    connection,
    topic,
    partitions: [...missing.keys()],
    from: 'earliest',
    onBatch({ partition, messages }) {
      clearTimeout(silence);
      silence = setTimeout(giveUp, silenceMs);
      const end = missing.get(partition)?.high;
      if (end === undefined) return;
      for (const message of messages) if (message.offset < end) onMessage({ ...message, partition });
      if (messages.at(-1)!.offset >= end - 1) missing.delete(partition);
      if (missing.size === 0) finish();
    },
  });
  try {
    await reader.start();
    await finished;
  } finally {
    clearTimeout(silence);
    await reader.stop();
  }
}

async function boundsOf(connection: KafkaConnection, topic: string): Promise<Map<number, Bounds>> {
  const positions = new Positions(connection);
  try {
    return await positions.bounds(connection.withPrefix(topic));
  } finally {
    await positions.close();
  }
}
