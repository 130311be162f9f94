import type { Broker, Cluster } from 'kafkajs';
import type { KafkaConnection } from './connection.ts';
import {
  produceRequest,
  type PartitionWrite,
  type ProduceAnswer,
  type ProtocolRequest,
} from './produce-request.ts';

/** An answer of the broker that is not an acknowledgement. */
export class ProduceRefused extends Error {
  override readonly name = 'ProduceRefused';

  constructor(
    /** As in Kafka's list of error codes, or `ERROR_<code>`. */
    readonly type: string,
    topic: string,
    partition: number,
  ) {
    super(`${type} from ${topic}[${partition}]`);
  }
}

/** `baseOffset` is that of the first message, once all in-sync replicas have them all. */
export type WriteOutcome = { baseOffset: number; error?: undefined } | { error: unknown };

/** New partitions are seen within this time. */
const METADATA_MAX_AGE_MS = 60_000;

/** Kafkajs' broker has it; its types leave it out. */
interface BrokerWithConnections {
  connectionPool: { send<Answer>(request: ProtocolRequest<Answer>): Promise<Answer> };
}

/**
 * Sends produce requests over kafkajs' connections: it finds the leaders, connects, authenticates and matches answers to
 * requests; only the encoding is ours. Holds one life of a connection: after a fault take a new one.
 */
export class ProduceClient {
  readonly #connection: KafkaConnection;
  readonly #cluster: Cluster;

  constructor(connection: KafkaConnection) {
    this.#connection = connection;
    this.#cluster = clusterOf(connection);
  }

  connect(): Promise<void> {
    return this.#cluster.connect();
  }

  disconnect(): Promise<void> {
    return this.#cluster.disconnect();
  }

  /**
   * Resolves when each write has been answered or its connection failed, with the outcomes in the order of the writes.
   * A write that failed may have been written all the same. Rejects when nothing could be sent.
   */
  async send(writes: readonly PartitionWrite[]): Promise<WriteOutcome[]> {
    const cluster = this.#cluster;
    await cluster.addMultipleTargetTopics([...new Set(writes.map(({ topic }) => topic))]);
    await cluster.refreshMetadataIfNecessary();
    const outcomes = new Map<PartitionWrite, WriteOutcome>();
    const byLeader = this.#byLeader(writes, outcomes);
    // All of them, also when one fails: whatever comes next must not overtake a request that is still under way.
    await Promise.all([...byLeader].map(([nodeId, ofLeader]) => this.#sendTo(nodeId, ofLeader, outcomes)));
    return writes.map((write) => outcomes.get(write) ?? { error: new Error('No answer') });
  }

  async #sendTo(
    nodeId: string,
    writes: readonly PartitionWrite[],
    outcomes: Map<PartitionWrite, WriteOutcome>,
  ): Promise<void> {
    try {
      const broker = (await this.#cluster.findBroker({ nodeId })) as Broker & BrokerWithConnections;
      const request = produceRequest(writes, this.#connection.requestTimeoutMs);
      const { written } = await broker.connectionPool.send<ProduceAnswer>(request);
      const answers = new Map(written.map((each) => [`${each.topic}[${each.partition}]`, each]));
      for (const write of writes) {
        const { topic, partition } = write;
        const answer = answers.get(`${topic}[${partition}]`);
        if (answer?.errorCode === 0) outcomes.set(write, { baseOffset: answer.baseOffset });
        else if (answer !== undefined) {
          const type = ERROR_TYPES[answer.errorCode] ?? `ERROR_${answer.errorCode}`;
          outcomes.set(write, { error: new ProduceRefused(type, topic, partition) });
        }
      }
    } catch (error) {
      for (const write of writes) outcomes.set(write, { error });
    }
  }

  #byLeader(
    writes: readonly PartitionWrite[],
    outcomes: Map<PartitionWrite, WriteOutcome>,
  ): Map<string, PartitionWrite[]> {
    const byLeader = new Map<string, PartitionWrite[]>();
    for (const write of writes) {
      const { topic, partition } = write;
      const [leader] = Object.keys(this.#cluster.findLeaderForPartitions(topic, [partition]));
      if (leader === undefined) {
        const text = `Topic ${topic} has no partition ${partition}, as far as the client knows`;
        outcomes.set(write, { error: new Error(text) });
        continue;
      }
      const list = byLeader.get(leader);
      if (list) list.push(write);
      else byLeader.set(leader, [write]);
    }
    return byLeader;
  }
}

/** kafkajs gives its view of the cluster to assigners, which are made with their consumer: this one is never run. */
function clusterOf(connection: KafkaConnection): Cluster {
  let found: Cluster | undefined;
  connection.newClient().consumer({
    groupId: 'never joined',
    allowAutoTopicCreation: false,
    maxInFlightRequests: 1,
    metadataMaxAge: METADATA_MAX_AGE_MS,
    partitionAssigners: [
      ({ cluster }) => {
        found = cluster;
        return {
          name: 'none',
          version: 0,
          assign: () => Promise.resolve([]),
          protocol: () => ({ name: 'none', metadata: Buffer.alloc(0) }),
        };
      },
    ],
  });
  return found!;
}

/** Those that a produce request can meet with. https://kafka.apache.org/protocol#protocol_error_codes */
const ERROR_TYPES: Readonly<Record<number, string>> = {
  [-1]: 'UNKNOWN_SERVER_ERROR',
  2: 'CORRUPT_MESSAGE',
  3: 'UNKNOWN_TOPIC_OR_PARTITION',
  5: 'LEADER_NOT_AVAILABLE',
  6: 'NOT_LEADER_OR_FOLLOWER',
  7: 'REQUEST_TIMED_OUT',
  10: 'MESSAGE_TOO_LARGE',
  13: 'NETWORK_EXCEPTION',
  17: 'INVALID_TOPIC_EXCEPTION',
  18: 'RECORD_LIST_TOO_LARGE',
  19: 'NOT_ENOUGH_REPLICAS',
  20: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  29: 'TOPIC_AUTHORIZATION_FAILED',
  31: 'CLUSTER_AUTHORIZATION_FAILED',
  32: 'INVALID_TIMESTAMP',
  56: 'KAFKA_STORAGE_ERROR',
  74: 'FENCED_LEADER_EPOCH',
  87: 'INVALID_RECORD',
};
