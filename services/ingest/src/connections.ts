import { randomBytes } from 'node:crypto';
import { connectKafka, Publisher, type KafkaConnection, type PinnedReader } from '@trackline/kafka';
import { Directory, pendingDirectoryMigrations } from '@trackline/directory';
import { systemClock } from '@trackline/kernel';
import { kafkaObserver, type Logger, type Metrics } from '@trackline/observability';
import { createPool, refuseUnmigrated, type Database } from '@trackline/postgres';
import type { Redis } from 'ioredis';
import { outcomeReader } from './adapters/kafka/outcome-reader.ts';
import { pendingIngestMigrations } from './adapters/postgres/schema.ts';
import { openRedis } from './adapters/redis/redis-connection.ts';
import { PartitionLease } from './adapters/redis/partition-lease.ts';
import type { IngestConfig } from './config.ts';
import { OutcomeDesk } from './pipeline/outcome-desk.ts';

/** Everything that is connected to something. */
export interface Connections {
  readonly database: Database;
  readonly directory: Directory;
  readonly redis: Redis;
  readonly kafka: KafkaConnection;
  readonly publisher: Publisher;
  readonly lease: PartitionLease;
  readonly desk: OutcomeDesk;
  readonly reader: PinnedReader;
}

export const kafkaOf = (config: IngestConfig, logger: Logger): KafkaConnection =>
  connectKafka({
    brokers: config.kafkaBrokers,
    clientId: config.instanceId,
    topicPrefix: config.topicPrefix,
    logger,
  });

/** Connects, in the order in which one part needs the other. When it resolves, requests can be answered. */
export async function openConnections(
  config: IngestConfig,
  logger: Logger,
  metrics: Metrics,
  kafka: KafkaConnection = kafkaOf(config, logger),
): Promise<Connections> {
  const database = createPool({
    databaseUrl: config.databaseUrl,
    max: config.databaseConnections,
    applicationName: config.instanceId,
    logger,
  });
  await refuseUnmigrated(database, {
    directory: pendingDirectoryMigrations,
    ingest: pendingIngestMigrations,
  });

  const redis = await openRedis(config.redisUrl, logger);
  const publisher = new Publisher({
    connection: kafka,
    maxQueuedMessages: config.maxQueuedEvents,
    retryForMs: config.publishTimeoutMs,
    observer: kafkaObserver(metrics),
  });
  await publisher.connect();
  // Of this process, not of its instance id: a lease that a dead process left must not look like ours.
  const nonce = randomBytes(8).toString('base64url');
  const lease = await PartitionLease.take({
    redis,
    partitions: config.outcomePartitions,
    owner: `${config.instanceId}/${nonce}`,
    keyPrefix: config.topicPrefix,
    logger,
  });
  const desk = new OutcomeDesk({
    partition: lease.partition,
    nonce,
    clock: systemClock,
    deadlineMs: config.answerDeadlineMs,
  });
  const reader = outcomeReader({ connection: kafka, partition: lease.partition, desk, logger });
  await reader.start();
  logger.info({ partition: lease.partition }, 'reading outcomes');
  return { database, directory: new Directory(database), redis, kafka, publisher, lease, desk, reader };
}

/** What talks to the broker first, side by side: while the broker is away each of them waits for it. */
export async function closeConnections(connections: Connections): Promise<void> {
  const { reader, lease, publisher, redis, database } = connections;
  await Promise.all([reader.stop(), lease.release(), publisher.disconnect()]);
  redis.disconnect();
  await database.close();
}
