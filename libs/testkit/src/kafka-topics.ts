import {
  connectKafka,
  PinnedReader,
  provision,
  Publisher,
  type IncomingMessage,
  type KafkaConnection,
  type OutgoingMessage,
  type PublishAck,
} from '@trackline/kafka';
import { eventually } from './eventually.ts';

const DAY_MS = 86_400_000;

export type SeenMessage = IncomingMessage & { readonly topic: string; readonly partition: number };

/** What came by on a topic since the watch began. */
export interface TopicWatch {
  readonly messages: readonly SeenMessage[];
  /** The first message that fits; waits for it. */
  first(fits: (message: SeenMessage) => boolean, withinMs?: number): Promise<SeenMessage>;
  /** Waits until so many have come by, and returns them all. */
  atLeast(count: number, withinMs?: number): Promise<readonly SeenMessage[]>;
}

/** Produces to and looks at the topics of a broker, beside the groups that work on them. */
export class KafkaTopics {
  readonly connection: KafkaConnection;
  private readonly publisher: Publisher;
  private readonly readers: PinnedReader[] = [];
  private connected: Promise<void> | undefined;

  constructor({ kafkaBrokers, topicPrefix = '' }: { kafkaBrokers: string; topicPrefix?: string }) {
    this.connection = connectKafka({ brokers: kafkaBrokers, clientId: 'testkit', topicPrefix });
    this.publisher = new Publisher({ connection: this.connection });
  }

  /** For topics that the contracts do not declare; those are provisioned with the stack. */
  async create(name: string, partitions = 1): Promise<void> {
    const declaration = { name, partitions, retentionMs: DAY_MS } as const;
    await provision(
      this.connection,
      [{ ...declaration, cleanupPolicy: 'delete', timestampType: 'CreateTime' }],
      { replicationFactor: 1 },
    );
  }

  async publish(messages: OutgoingMessage[]): Promise<PublishAck[]> {
    this.connected ??= this.publisher.connect();
    await this.connected;
    return this.publisher.publish(messages);
  }

  /** From now on, or from the beginning. Returns once it would see the next message. */
  async watch(topic: string, from: 'latest' | 'earliest' = 'latest'): Promise<TopicWatch> {
    const messages: SeenMessage[] = [];
    const reader = new PinnedReader({
      connection: this.connection,
      topic,
      partitions: 'all',
      from,
      onBatch: (batch) => {
        const { topic: name, partition } = batch;
        messages.push(...batch.messages.map((message) => ({ ...message, topic: name, partition })));
      },
    });
    this.readers.push(reader);
    await reader.start();
    return {
      messages,
      first: (fits, withinMs) => eventually(() => messages.find(fits), { ...(withinMs && { withinMs }) }),
      atLeast: async (count, withinMs) => {
        await eventually(() => messages.length >= count, { ...(withinMs && { withinMs }) });
        return messages;
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.readers.map((reader) => reader.stop()));
    if (this.connected) await this.publisher.disconnect();
  }
}
