import { ADMITTED } from '@trackline/contracts';
import { pendingDirectoryMigrations } from '@trackline/directory';
import { createHttpApp, listen } from '@trackline/http';
import { connectKafka, KafkaBatchServer, Publisher } from '@trackline/kafka';
import { createMetrics, httpMetrics, kafkaObserver, type Logger } from '@trackline/observability';
import { createPool, refuseUnmigrated } from '@trackline/postgres';
import { Opened } from '@trackline/process';
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
  const opened = new Opened();
  opened.add(() => database.close());
  try {
    await refuseUnmigrated(database, {
      directory: pendingDirectoryMigrations,
      trigger: pendingTriggerMigrations,
    });
    const publisher = new Publisher({ connection, observer });
    await publisher.connect();
    opened.add(() => publisher.disconnect());

    const own = new OwnPartitions(config);
    const progress = progressReader(connection, own, logger);
    opened.add(() => progress.stop());
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
    opened.add(() =>
      outbox.forgetDone().catch((err: unknown) => logger.warn({ err }, 'the outbox was not tidied up')),
    );
    opened.add(() => housekeeping.stop());
    opened.add(() => app.close());
    opened.add(() => Promise.all([watch.stop(), scheduleWatch.stop()]));
    await app.startAllMicroservices();
    watch.start();
    scheduleWatch.start();
    housekeeping.start();
    const url = await listen(app, config);
    logger.info({ url }, 'trigger is up');
    return { url, stop: () => opened.close() };
  } catch (error) {
    return await opened.abandon(error, logger);
  }
}

/** Timers and the frontier belong to the partitions of events. */
const isAdmitted = ({ topic }: { readonly topic: string }): boolean => topic === ADMITTED;
