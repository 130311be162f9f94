import { contactKey, partitionOf } from '@trackline/contracts';
import { Directory, pendingDirectoryMigrations } from '@trackline/directory';
import { createHttpApp } from '@trackline/http';
import { connectKafka, KafkaBatchServer, Publisher } from '@trackline/kafka';
import { uuidv7 } from '@trackline/kernel';
import {
  createMetrics,
  flowMetrics,
  httpMetrics,
  kafkaObserver,
  type Logger,
} from '@trackline/observability';
import { createPool, type Database } from '@trackline/postgres';
import { progressReader } from './adapters/kafka/progress-reader.ts';
import { directoryContacts } from './adapters/directory/directory-contacts.ts';
import { effectWriter } from './adapters/postgres/effect-writer.ts';
import { executionReader } from './adapters/postgres/execution-reader.ts';
import { executionStore } from './adapters/postgres/execution-store.ts';
import { timerReader } from './adapters/postgres/timer-reader.ts';
import { workflowReader } from './adapters/postgres/workflow-reader.ts';
import { workflowStore } from './adapters/postgres/workflow-store.ts';
import type { TriggerConfig } from './config.ts';
import { observeTimers } from './observe-timers.ts';
import { fireDue } from './pipeline/fire-due.ts';
import { handleAdmitted } from './pipeline/handle-admitted.ts';
import { Housekeeping } from './pipeline/housekeeping.ts';
import { KnownWorkflows } from './pipeline/known-workflows.ts';
import { ManageWorkflows } from './pipeline/manage-workflows.ts';
import { Outbox } from './pipeline/outbox.ts';
import { OwnPartitions, type PartitionState } from './pipeline/partition-state.ts';
import { RunByHand } from './pipeline/run-by-hand.ts';
import { TimerWatch } from './pipeline/watch-timers.ts';
import { pendingTriggerMigrations } from './schema.ts';
import { TriggerModule } from './trigger.module.ts';
import { ADMITTED } from '@trackline/contracts';

export interface RunningTrigger {
  readonly url: string;
  /** Drains: not ready, stops fetching, finishes and commits what runs, answers open requests, closes its connections. */
  stop(): Promise<void>;
}

const GROUP = 'trigger';
/** The whole drain has 9 s. */
const DRAIN_TIMEOUT_MS = 5_000;
const HOUR_MS = 3_600_000;

export async function startTrigger(config: TriggerConfig, logger: Logger): Promise<RunningTrigger> {
  const metrics = createMetrics('trigger');
  const observer = kafkaObserver(metrics);
  const { databaseUrl, instanceId, contactPartitions } = config;
  const database = createPool({
    databaseUrl,
    max: config.databaseConnections,
    applicationName: instanceId,
    logger,
  });
  const connection = connectKafka({
    brokers: config.kafkaBrokers,
    clientId: instanceId,
    topicPrefix: config.topicPrefix,
    logger,
  });
  const publisher = new Publisher({ connection, observer });
  const closing: (() => Promise<unknown>)[] = [() => database.close()];
  const onFault = (err: unknown): void => logger.warn({ err }, 'work beside the batches failed: tried again');
  try {
    await refuseUnmigrated(database);
    await publisher.connect();
    closing.unshift(() => publisher.disconnect());

    const own = new OwnPartitions(config);
    const progress = progressReader(connection, own, logger);
    closing.unshift(() => progress.stop());
    await progress.start();

    const admittedMetrics = flowMetrics(metrics, 'admitted');
    const timerMetrics = flowMetrics(metrics, 'timers');
    const refusedUpdates = metrics.counter(
      'refused_contact_updates_total',
      'Updates that a contact did not take.',
    );
    const directory = new Directory(database);
    const contacts = directoryContacts(directory);
    const workflows = new KnownWorkflows(workflowReader(database));
    const executions = executionReader(database);
    const timers = timerReader(database);
    const writer = effectWriter(database, ({ organizationId, contactId }) =>
      partitionOf(contactKey(organizationId, contactId), contactPartitions),
    );
    const outbox = new Outbox({
      writer,
      contacts,
      publisher: { publish: async (messages) => void (await publisher.publish([...messages])) },
      newId: uuidv7,
      onRefusedUpdates: (count) => refusedUpdates.inc(count),
    });
    const consumer = new KafkaBatchServer({
      connection,
      groupId: GROUP,
      maxBatchMessages: config.batchMessages,
      deadLetters: publisher,
      observer,
      drainTimeoutMs: DRAIN_TIMEOUT_MS,
      onAssigned: (partitions) => {
        for (const { partition, assignment, committedOffset } of partitions)
          own.assigned(partition, assignment, committedOffset);
      },
      onRevoked: (partitions) => {
        for (const { partition, assignment } of partitions) own.revoked(partition, assignment);
      },
    });
    const between = (state: PartitionState, work: () => Promise<void>): Promise<void> =>
      consumer.between(ADMITTED, state.partition, work);
    const shared = { workflows, writer, contacts, outbox, newId: uuidv7 };
    const module = TriggerModule.with({
      adminToken: config.adminToken,
      logger,
      metrics,
      directory,
      checks: {
        postgres: () => database.isReady(),
        kafka: () => consumer.isReady(),
        publisher: () => publisher.isReady(),
        progress: () => progress.isReady(),
      },
      admitted: {
        own,
        handle: handleAdmitted({ ...shared, executions, timed: admittedMetrics.timed }),
        metrics: admittedMetrics,
      },
      workflows: new ManageWorkflows({ store: workflowStore(database), newId: uuidv7, nowMs: Date.now }),
      byHand: new RunByHand({
        ...shared,
        store: executionStore(database),
        reader: executions,
        timers,
        contactPartitions,
      }),
    });
    const watch = new TimerWatch({
      own,
      timers,
      fireDue: fireDue({ ...shared, timers, chunk: config.timerChunk }),
      between,
      onFired: (count) => {
        if (count > 0) timerMetrics.batch(count);
        timerMetrics.outcome('fired', count);
      },
      onFault,
      everyMs: config.timerPollMs,
    });
    const housekeeping = new Housekeeping({
      own,
      outbox,
      writer,
      between,
      onFault,
      handledMs: config.handledHours * HOUR_MS,
    });
    observeTimers(metrics, own, timers);

    const app = await createHttpApp(module, { logger, onAnswer: httpMetrics(metrics) });
    app.connectMicroservice({ strategy: consumer }, { inheritAppConfig: false });
    closing.unshift(
      () => watch.stop(),
      () => app.close(),
      () => housekeeping.stop(),
      () => outbox.forgetDone().catch(onFault),
    );
    await app.startAllMicroservices();
    watch.start();
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
