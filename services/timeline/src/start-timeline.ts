import { Directory, pendingDirectoryMigrations } from '@trackline/directory';
import { createHttpApp, listen } from '@trackline/http';
import { connectKafka, KafkaBatchServer, Publisher } from '@trackline/kafka';
import { systemClock, type Clock } from '@trackline/kernel';
import { createMetrics, httpMetrics, kafkaObserver, type Logger } from '@trackline/observability';
import { createPool, refuseUnmigrated } from '@trackline/postgres';
import { Opened } from '@trackline/process';
import { attributionTerms } from './adapters/directory/attribution-terms.ts';
import { EditionBook } from './adapters/postgres/attribution/edition-book.ts';
import { editionStore } from './adapters/postgres/attribution/edition-store.ts';
import { factSweep } from './adapters/postgres/attribution/fact-sweep.ts';
import { openMaintenanceDatabase } from './adapters/postgres/maintenance-database.ts';
import { partitionInventory } from './adapters/postgres/partition-inventory.ts';
import { RetentionKeeper } from './adapters/schedule/retention-keeper.ts';
import { EditionKeeper } from './adapters/schedule/edition-keeper.ts';
import type { TimelineConfig } from './config.ts';
import { keepPartitions } from './pipeline/keep-partitions.ts';
import { sweepFacts } from './pipeline/sweep-facts.ts';
import { pendingTimelineMigrations } from './adapters/postgres/schema.ts';
import { TimelineModule } from './timeline.module.ts';

export interface RunningTimeline {
  readonly url: string;
  /** Drains: not ready, stops fetching, finishes and commits what runs, answers open requests, closes its connections. */
  stop(): Promise<void>;
}

const READ_TIMEOUT_MS = 10_000;
/** Nobody waits for a row of the timeline: a little later, and many at a time, they cost a fraction. */
const FETCH_EVERY_MS = 100;
/** The whole drain has 9 s. */
const DRAIN_TIMEOUT_MS = 5_000;

export async function startTimeline(
  config: TimelineConfig,
  logger: Logger,
  clock: Clock = systemClock,
): Promise<RunningTimeline> {
  const metrics = createMetrics('timeline');
  const observer = kafkaObserver(metrics);
  const pool = { databaseUrl: config.databaseUrl, max: config.databaseConnections, logger };
  const writing = createPool({ ...pool, applicationName: `${config.instanceId} writing` });
  const reading = createPool({
    ...pool,
    applicationName: `${config.instanceId} reading`,
    statementTimeoutMs: READ_TIMEOUT_MS,
  });
  const maintenance = openMaintenanceDatabase(config.databaseUrl, config.instanceId);
  const opened = new Opened();
  opened.add(() => Promise.all([writing, reading, maintenance].map((database) => database.close())));
  const connection = connectKafka({
    brokers: config.kafkaBrokers,
    clientId: config.instanceId,
    topicPrefix: config.topicPrefix,
    logger,
  });
  const deadLetters = new Publisher({ connection, observer });
  const consumer = new KafkaBatchServer({
    connection,
    groupId: 'timeline',
    maxBatchMessages: config.batchMessages,
    sessionTimeoutMs: config.sessionTimeoutMs,
    deadLetters,
    observer,
    drainTimeoutMs: DRAIN_TIMEOUT_MS,
    fetchEveryMs: FETCH_EVERY_MS,
  });
  try {
    await refuseUnmigrated(reading, {
      directory: pendingDirectoryMigrations,
      timeline: pendingTimelineMigrations,
    });
    opened.add(() => deadLetters.disconnect());
    await deadLetters.connect();
    const inventory = partitionInventory(maintenance);
    const directory = new Directory(reading);
    const terms = attributionTerms(directory);
    const editions = new EditionBook(writing, terms);
    const figures = new EditionKeeper({
      store: editionStore(writing, editions),
      terms,
      logger,
      everyMs: config.attributionCheckMs,
      leaseMs: config.editionLeaseMs,
    });
    const module = TimelineModule.with({
      adminToken: config.adminToken,
      clock,
      logger,
      metrics,
      writing,
      reading,
      inventory,
      directory,
      editions,
      hurry: figures.hurry,
      consumer,
      deadLetters,
    });
    const app = await createHttpApp(module, { logger, onAnswer: httpMetrics(metrics) });
    app.connectMicroservice({ strategy: consumer }, { inheritAppConfig: false });
    const retention = new RetentionKeeper(
      {
        keepPartitions: () => keepPartitions(inventory, clock.now()),
        sweepFacts: (isStopped) => sweepFacts(factSweep(maintenance), clock.now(), isStopped),
      },
      logger,
      config.partitionCheckMs,
    );
    opened.add(() => Promise.all([retention.stop(), figures.stop()]));
    opened.add(() => app.close());
    await app.startAllMicroservices();
    const url = await listen(app, config);
    retention.start();
    figures.start();
    logger.info({ url }, 'timeline is up');
    return { url, stop: () => opened.close() };
  } catch (error) {
    return await opened.abandon(error, logger);
  }
}
