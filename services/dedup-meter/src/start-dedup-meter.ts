import { Directory, pendingDirectoryMigrations } from '@trackline/directory';
import { createHttpApp } from '@trackline/http';
import { connectKafka, endOffsets, KafkaBatchServer, Publisher } from '@trackline/kafka';
import { systemClock, type Clock } from '@trackline/kernel';
import { createMetrics, httpMetrics, kafkaObserver, type Logger } from '@trackline/observability';
import { createPool, type Database } from '@trackline/postgres';
import { contactsOf, organizationsOf } from './adapters/directory/directory-register.ts';
import { KafkaOutlet } from './adapters/kafka/kafka-outlet.ts';
import { metricsObserver } from './adapters/metrics-observer.ts';
import { PostgresLedger } from './adapters/postgres/postgres-ledger.ts';
import { pendingLedgerMigrations } from './adapters/postgres/schema.ts';
import { connectRedis, refuseEviction } from './adapters/redis/redis-client.ts';
import { RedisJudge } from './adapters/redis/redis-judge.ts';
import type { DedupMeterConfig } from './config.ts';
import { DedupMeterModule } from './dedup-meter.module.ts';
import { Admission } from './pipeline/admit-batch.ts';
import { Clockwork } from './pipeline/clockwork.ts';
import { inboundDoor, receivedDoor } from './pipeline/doors.ts';
import { NoticeMemory } from './pipeline/notice-memory.ts';
import { publishDecisions } from './pipeline/publish-decisions.ts';
import { repeatJournal } from './pipeline/repeat-journal.ts';
import { settleBatch } from './pipeline/settle-batch.ts';

export interface RunningDedupMeter {
  readonly url: string;
  /** Drains: not ready, stops fetching, finishes and commits what runs, answers open requests, closes its connections. */
  stop(): Promise<void>;
}

const GROUP = 'dedup-meter';
/** The whole drain has 9 s. */
const DRAIN_TIMEOUT_MS = 5_000;

export async function startDedupMeter(
  config: DedupMeterConfig,
  logger: Logger,
  clock: Clock = systemClock,
): Promise<RunningDedupMeter> {
  const metrics = createMetrics('dedup-meter');
  const kafkaObserved = kafkaObserver(metrics);
  const { databaseUrl, databaseConnections: max, instanceId } = config;
  const database = createPool({ databaseUrl, max, applicationName: instanceId, logger });
  const connection = connectKafka({
    brokers: config.kafkaBrokers,
    clientId: instanceId,
    topicPrefix: config.topicPrefix,
    logger,
  });
  const publisher = new Publisher({ connection, observer: kafkaObserved });
  const closing: (() => Promise<unknown>)[] = [() => database.close()];
  try {
    await refuseUnmigrated(database);
    const redis = await connectRedis({ url: config.redisUrl, log: logger });
    closing.unshift(() => redis.close());
    await refuseEviction(redis);
    await publisher.connect();
    closing.unshift(() => publisher.disconnect());

    const observer = metricsObserver(metrics);
    const directory = new Directory(database);
    const organizations = organizationsOf(directory);
    const ledger = new PostgresLedger(database);
    const judge = new RedisJudge(redis, { hotWindowMs: config.hotWindowMs });
    const outlet = new KafkaOutlet(publisher, GROUP);
    const { contactPartitions } = config;
    const admission = new Admission({
      ledger,
      judge,
      settle: settleBatch({ judge, ledger, organizations, observer, clock, notices: new NoticeMemory() }),
      repeat: repeatJournal(ledger),
      publish: publishDecisions({ outlet, contactPartitions }),
      observer,
      log: logger,
      generation: config.sourceGeneration,
    });
    const doors = {
      received: receivedDoor(organizations),
      inbound: inboundDoor({ organizations, contacts: contactsOf(directory), auth: config.inboundAuth }),
    };
    const clockwork = new Clockwork({
      outlet,
      sources: () => admission.progress(),
      endOffsets: (topic) => endOffsets(connection, topic),
      clock,
      log: logger,
      tickMs: config.tickMs,
    });
    const consumer = new KafkaBatchServer({
      connection,
      groupId: GROUP,
      maxBatchMessages: config.batchMessages,
      deadLetters: publisher,
      observer: kafkaObserved,
      drainTimeoutMs: DRAIN_TIMEOUT_MS,
      onAssigned: (partitions) => clockwork.watch(partitions),
      onRevoked: (partitions) => {
        clockwork.unwatch(partitions);
        admission.forget(partitions);
      },
    });
    const module = DedupMeterModule.with({
      adminToken: config.adminToken,
      clock,
      logger,
      metrics,
      database,
      directory,
      redis,
      consumer,
      publisher,
      admission,
      doors,
      clockwork,
    });
    const app = await createHttpApp(module, { logger, onAnswer: httpMetrics(metrics) });
    app.connectMicroservice({ strategy: consumer }, { inheritAppConfig: false });
    closing.unshift(() => app.close());
    await app.startAllMicroservices();
    const turning = setInterval(() => void clockwork.turn(), config.progressMs);
    closing.unshift(async () => clearInterval(turning));
    await app.listen(config.httpPort, config.httpHost);
    const url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
    logger.info({ url }, 'dedup-meter is up');
    return { url, stop: () => closeAll(closing) };
  } catch (error) {
    await closeAll(closing);
    throw error;
  }
}

async function refuseUnmigrated(database: Database): Promise<void> {
  const pending = [
    ...(await pendingDirectoryMigrations(database)),
    ...(await pendingLedgerMigrations(database)),
  ];
  if (pending.length > 0) {
    throw new Error(
      `The database lacks ${pending.join(', ')}: run the migrations of directory and dedup-meter first.`,
    );
  }
}

/** In order: each needs those after it. */
async function closeAll(closing: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (const close of closing) await close();
}
