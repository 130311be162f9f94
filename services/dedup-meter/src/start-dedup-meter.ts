import { setTimeout as sleep } from 'node:timers/promises';
import { Directory, pendingDirectoryMigrations } from '@trackline/directory';
import { createHttpApp, listen } from '@trackline/http';
import { connectKafka, KafkaBatchServer, Publisher } from '@trackline/kafka';
import { systemClock, type Clock } from '@trackline/kernel';
import { createMetrics, httpMetrics, kafkaObserver, type Logger } from '@trackline/observability';
import { createPool, refuseUnmigrated } from '@trackline/postgres';
import { Opened } from '@trackline/process';
import { expiryBook } from './adapters/postgres/expiry.ts';
import { pendingLedgerMigrations } from './adapters/postgres/schema.ts';
import { connectRedis, refuseEviction } from './adapters/redis/redis-client.ts';
import type { DedupMeterConfig } from './config.ts';
import { DedupMeterModule } from './dedup-meter.module.ts';
import { keepDriftSampled } from './keep-drift-sampled.ts';
import { sweepExpired } from './pipeline/sweep-expired.ts';
import { GROUP, wireAdmission, type AdmissionParts } from './wire-admission.ts';

export interface RunningDedupMeter {
  readonly url: string;
  /** Drains: not ready, stops fetching, finishes and commits what runs, answers open requests, closes its connections. */
  stop(): Promise<void>;
}

/** The whole drain has 9 s. */
const DRAIN_TIMEOUT_MS = 5_000;
const SWEEP_CHECK_MS = 5 * 60_000;

export async function startDedupMeter(
  config: DedupMeterConfig,
  logger: Logger,
  clock: Clock = systemClock,
): Promise<RunningDedupMeter> {
  const opened = new Opened();
  try {
    const parts = await open(config, logger, clock, opened);
    return { url: await serve(parts, opened), stop: () => opened.close() };
  } catch (error) {
    return await opened.abandon(error, logger);
  }
}

async function open(
  config: DedupMeterConfig,
  logger: Logger,
  clock: Clock,
  opened: Opened,
): Promise<AdmissionParts> {
  const metrics = createMetrics('dedup-meter');
  const { databaseUrl, databaseConnections: max, instanceId, kafkaBrokers: brokers, topicPrefix } = config;
  const database = createPool({ databaseUrl, max, applicationName: instanceId, logger });
  opened.add(() => database.close());
  await refuseUnmigrated(database, {
    directory: pendingDirectoryMigrations,
    'dedup-meter': pendingLedgerMigrations,
  });
  const redis = await connectRedis({
    url: config.redisUrl,
    isCluster: config.redisMode === 'cluster',
    log: logger,
  });
  opened.add(() => redis.close());
  await refuseEviction(redis);
  const connection = connectKafka({ brokers, clientId: instanceId, topicPrefix, logger });
  const publisher = new Publisher({ connection, observer: kafkaObserver(metrics) });
  await publisher.connect();
  opened.add(() => publisher.disconnect());
  const directory = new Directory(database);
  return { config, database, directory, redis, connection, publisher, metrics, logger, clock };
}

async function serve(parts: AdmissionParts, opened: Opened): Promise<string> {
  const { config, connection, publisher, metrics, logger } = parts;
  const { admission, doors, clockwork } = wireAdmission(parts);
  const consumer = new KafkaBatchServer({
    connection,
    groupId: GROUP,
    maxBatchMessages: config.batchMessages,
    sessionTimeoutMs: config.sessionTimeoutMs,
    deadLetters: publisher,
    observer: kafkaObserver(metrics),
    drainTimeoutMs: DRAIN_TIMEOUT_MS,
    onAssigned: (partitions) => clockwork.watch(partitions),
    onRevoked: (partitions) => {
      clockwork.unwatch(partitions);
      admission.forget(partitions);
    },
  });
  const module = DedupMeterModule.with({
    ...parts,
    adminToken: config.adminToken,
    consumer,
    admission,
    doors,
    clockwork,
  });
  const app = await createHttpApp(module, { logger, onAnswer: httpMetrics(metrics) });
  app.connectMicroservice({ strategy: consumer }, { inheritAppConfig: false });
  opened.add(() => app.close());
  await app.startAllMicroservices();
  const turning = setInterval(() => void clockwork.turn(), config.progressMs);
  opened.add(async () => clearInterval(turning));
  opened.add(keepSwept(parts));
  opened.add(keepDriftSampled(parts));
  const url = await listen(app, config);
  logger.info({ url }, 'dedup-meter is up');
  return url;
}

/** Looks every few minutes whether it is this process's turn to sweep. A sweep that fails leaves things to the next. Returns what ends it. */
function keepSwept({ database, clock, logger, config }: AdmissionParts): () => Promise<void> {
  const ended = new AbortController();
  const { signal } = ended;
  const sweep = sweepExpired({
    book: expiryBook(database),
    clock,
    log: logger,
    hotWindowMs: config.hotWindowMs,
    pause: sleep,
  });
  const sweeping = (async () => {
    while (!signal.aborted) {
      await sweep(signal).catch((err: unknown) => logger.warn({ err }, 'what has expired was not removed'));
      await sleep(SWEEP_CHECK_MS, undefined, { signal }).catch(() => undefined);
    }
  })();
  return async () => {
    ended.abort();
    await sweeping;
  };
}
