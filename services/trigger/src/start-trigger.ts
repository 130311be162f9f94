import { ADMITTED } from '@trackline/contracts';
import { pendingDirectoryMigrations } from '@trackline/directory';
import { createHttpApp } from '@trackline/http';
import { connectKafka, KafkaBatchServer, Publisher } from '@trackline/kafka';
import { createMetrics, httpMetrics, kafkaObserver, type Logger } from '@trackline/observability';
import { createPool, type Database } from '@trackline/postgres';
import { progressReader } from './adapters/kafka/progress-reader.ts';
import { composeTrigger } from './compose-trigger.ts';
import type { TriggerConfig } from './config.ts';
import { OwnPartitions } from './pipeline/partition-state.ts';
import { pendingTriggerMigrations } from './schema.ts';
import { TriggerModule } from './trigger.module.ts';

export interface RunningTrigger {
  readonly url: string;
  /** Drains: not ready, stops fetching, finishes and commits what runs, answers open requests, closes its connections. */
  stop(): Promise<void>;
}

const GROUP = 'trigger';
/** The whole drain has 9 s. */
const DRAIN_TIMEOUT_MS = 5_000;

export async function startTrigger(config: TriggerConfig, logger: Logger): Promise<RunningTrigger> {
  const metrics = createMetrics('trigger');
  const observer = kafkaObserver(metrics);
  const { databaseUrl, instanceId, databaseConnections: max } = config;
  const database = createPool({ databaseUrl, max, applicationName: instanceId, logger });
  const connection = connectKafka({
    brokers: config.kafkaBrokers,
    clientId: instanceId,
    topicPrefix: config.topicPrefix,
    logger,
  });
  const closing: (() => Promise<unknown>)[] = [() => database.close()];
  try {
    await refuseUnmigrated(database);
    const publisher = new Publisher({ connection, observer });
    await publisher.connect();
    closing.unshift(() => publisher.disconnect());

    const own = new OwnPartitions(config);
    const progress = progressReader(connection, own, logger);
    closing.unshift(() => progress.stop());
    await progress.start();

    const consumer = new KafkaBatchServer({
      connection,
      groupId: GROUP,
      maxBatchMessages: config.batchMessages,
      sessionTimeoutMs: config.sessionTimeoutMs,
      deadLetters: publisher,
      observer,
      drainTimeoutMs: DRAIN_TIMEOUT_MS,
      onAssigned: (partitions) => {
        for (const { partition, assignment, committedOffset } of partitions.filter(isAdmitted))
          own.assigned(partition, assignment, committedOffset);
      },
      onRevoked: (partitions) => {
        for (const { partition, assignment } of partitions.filter(isAdmitted))
          own.revoked(partition, assignment);
      },
    });
    const open = { config, logger, metrics, database, publisher, consumer, progress, own };
    const { parts, watch, scheduleWatch, housekeeping, outbox } = composeTrigger(open);
    const app = await createHttpApp(TriggerModule.with(parts), { logger, onAnswer: httpMetrics(metrics) });
    app.connectMicroservice({ strategy: consumer }, { inheritAppConfig: false });
    closing.unshift(
      () => Promise.all([watch.stop(), scheduleWatch.stop()]),
      () => app.close(),
      () => housekeeping.stop(),
      () => outbox.forgetDone().catch((err: unknown) => logger.warn({ err }, 'the outbox was not tidied up')),
    );
    await app.startAllMicroservices();
    watch.start();
    scheduleWatch.start();
    housekeeping.start();
    await app.listen(config.httpPort, config.httpHost);
    const url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
    logger.info({ url }, 'trigger is up');
    return { url, stop: () => closeAll(closing) };
  } catch (error) {
    await closeAll(closing);
    throw error;
  }
}

/** Timers and the frontier belong to the partitions of events. */
const isAdmitted = ({ topic }: { readonly topic: string }): boolean => topic === ADMITTED;

async function refuseUnmigrated(database: Database): Promise<void> {
  const pending = [
    ...(await pendingDirectoryMigrations(database)),
    ...(await pendingTriggerMigrations(database)),
  ];
  if (pending.length > 0) {
    throw new Error(
      `The database lacks ${pending.join(', ')}: run the migrations of directory and trigger first.`,
    );
  }
}

/** In order: each needs those after it. */
async function closeAll(closing: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (const close of closing) await close();
}
