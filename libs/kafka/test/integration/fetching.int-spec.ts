import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import kafkajs, { type Cluster, type Producer } from 'kafkajs';
import { uniqueName } from '@trackline/testkit';
import { decodeFetchesOf } from '../../src/fetch-decoding.ts';
import { TestBroker } from './broker.ts';

interface Fetched {
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, Buffer | Buffer[]>;
  offset: string | number;
  timestamp: string | number;
  isControlRecord: boolean;
}
interface FetchedPartition {
  partition: number;
  highWatermark: string;
  abortedTransactions: { producerId: string; firstOffset: string }[];
  messages: Fetched[];
}

describe('fetch responses', () => {
  const broker = new TestBroker();
  beforeAll(() => broker.publisher.connect());
  afterAll(() => broker.close());

  function clusterOf(): Cluster {
    let found: Cluster | undefined;
    broker.connection.newClient().consumer({
      groupId: broker.connection.withPrefix('never-joined'),
      partitionAssigners: [
        (config) => {
          found = config.cluster;
          return kafkajs.PartitionAssigners.roundRobin(config);
        },
      ],
    });
    return found!;
  }

  async function fetchFrom(cluster: Cluster, name: string, maxBytes: number): Promise<FetchedPartition> {
    const topic = broker.connection.withPrefix(name);
    await cluster.connect();
    await cluster.addMultipleTargetTopics([topic]);
    await cluster.refreshMetadataIfNecessary();
    const nodeId = Object.keys(cluster.findLeaderForPartitions(topic, [0]))[0]!;
    const leader = await cluster.findBroker({ nodeId });
    const partitions = [{ partition: 0, fetchOffset: '0', maxBytes }];
    const fetched = (await leader.fetch({ maxWaitTime: 1_000, topics: [{ topic, partitions }] })) as {
      responses: { partitions: FetchedPartition[] }[];
    };
    return fetched.responses[0]!.partitions[0]!;
  }

  const readable = ({ partition, highWatermark, abortedTransactions, messages }: FetchedPartition) => ({
    partition,
    highWatermark,
    abortedTransactions,
    messages: messages.map(({ key, value, headers, offset, timestamp, isControlRecord }) => ({
      key: String(key),
      value: String(value),
      headers: Object.entries(headers).map(([header, each]) => [header, String([each].flat().at(-1))]),
      offset: Number(offset),
      timestamp: Number(timestamp),
      isControlRecord,
    })),
  });

  async function inTransaction(producer: Producer, topic: string, end: 'commit' | 'abort'): Promise<void> {
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ key: end, value: end, headers: { a: ['1', '2'] } }] });
    await transaction[end]();
  }

  it('are decoded here as kafkajs decodes them, whatever the log holds', async () => {
    await broker.topic('mixed', { partitions: 1 });
    const topic = broker.connection.withPrefix('mixed');
    const value = 'x'.repeat(100);
    const headers = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`header-${i}`, `of ${i}`]));
    const one = { topic: 'mixed', partition: 0, key: 'k', value, headers };
    for (let i = 0; i < 5; i++) await broker.publisher.publish([one, { ...one, key: null }]);
    const transactionalId = uniqueName('fetching');
    const producer = broker.connection.newClient().producer({ transactionalId, maxInFlightRequests: 1 });
    await producer.connect();
    broker.onClose(() => producer.disconnect());
    await inTransaction(producer, topic, 'abort');
    await inTransaction(producer, topic, 'commit');
    await broker.publisher.publish([{ ...one, value: null }]);

    const theirs = clusterOf();
    const ours = clusterOf();
    broker.onClose(() => Promise.all([theirs.disconnect(), ours.disconnect()]));
    decodeFetchesOf(ours);
    // All of it, and cut within a batch.
    for (const maxBytes of [1_000_000, 1_500]) {
      const expected = await fetchFrom(theirs, 'mixed', maxBytes);
      const decoded = await fetchFrom(ours, 'mixed', maxBytes);
      expect(readable(decoded)).toEqual(readable(expected));
      expect(decoded.messages.every(({ offset }) => typeof offset === 'number')).toBe(true);
    }
    const all = await fetchFrom(ours, 'mixed', 1_000_000);
    expect(all.messages).toHaveLength(15);
    expect(all.abortedTransactions).toHaveLength(1);

    const compression = kafkajs.CompressionTypes.GZIP;
    const plain = broker.connection.newClient().producer();
    await plain.connect();
    broker.onClose(() => plain.disconnect());
    await plain.send({ topic, compression, messages: [{ key: 'k', value: 'squeezed' }] });
    const squeezed = await fetchFrom(ours, 'mixed', 1_000_000);
    expect(readable(squeezed)).toEqual(readable(await fetchFrom(theirs, 'mixed', 1_000_000)));
    expect(String(squeezed.messages.at(-1)!.value)).toBe('squeezed');
  });
});
