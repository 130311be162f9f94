import { pendingDirectoryMigrations } from '@trackline/directory';
import { createHttpApp, listen } from '@trackline/http';
import { connectKafka, KafkaBatchServer, Publisher } from '@trackline/kafka';
import { createMetrics, httpMetrics, kafkaObserver, type Logger } from '@trackline/observability';
import { createPool, refuseUnmigrated } from '@trackline/postgres';
import { Opened } from '@trackline/process';
import { AddressRules } from './adapters/network/address-rules.ts';
import { dnsLookup, resolveAllowed, type Lookup } from './adapters/network/resolve-allowed.ts';
import { guardedAgent } from './adapters/webhook/guarded-agent.ts';
import { composeConnectors, GROUP } from './compose-connectors.ts';
import type { ConnectorsConfig } from './config.ts';
import { ConnectorsModule } from './connectors.module.ts';
import { pendingConnectorsMigrations } from './schema.ts';

export interface RunningConnectors {
  readonly url: string;
  /** Drains: not ready, stops fetching and claiming, finishes what is on its way, tells how it ended, closes its connections. */
  stop(): Promise<void>;
}

/** The whole drain has 9 s: what is on its way longer comes back when its lease ends. */
const DRAIN_TIMEOUT_MS = 5_000;

/** `lookup`: the addresses of names; tests give their own. */
export async function startConnectors(
  config: ConnectorsConfig,
  logger: Logger,
  lookup: Lookup = dnsLookup(),
): Promise<RunningConnectors> {
  const metrics = createMetrics('connectors');
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
      connectors: pendingConnectorsMigrations,
    });
    const publisher = new Publisher({ connection, observer });
    await publisher.connect();
    opened.add(() => publisher.disconnect());
    const resolve = resolveAllowed(new AddressRules(config.allowedPrivate), lookup);
    const agent = guardedAgent(resolve, { connectTimeoutMs: config.deliveryTimeoutMs });
    opened.add(() => agent.destroy());
    const consumer = new KafkaBatchServer({
      connection,
      groupId: GROUP,
      maxBatchMessages: config.batchMessages,
      deadLetters: publisher,
      observer,
      drainTimeoutMs: DRAIN_TIMEOUT_MS,
    });
    const open = { config, logger, metrics, database, publisher, consumer, resolve, agent };
    const { parts, dispatchers, relay, housekeeping } = composeConnectors(open);
    const app = await createHttpApp(ConnectorsModule.with(parts), { logger, onAnswer: httpMetrics(metrics) });
    app.connectMicroservice({ strategy: consumer }, { inheritAppConfig: false });
    opened.add(() => housekeeping.stop());
    opened.add(() => relay.stop());
    opened.add(() =>
      Promise.all([
        app.close(),
        within(DRAIN_TIMEOUT_MS, Promise.all(dispatchers.map((dispatcher) => dispatcher.stop()))),
      ]),
    );
    await app.startAllMicroservices();
    for (const dispatcher of dispatchers) dispatcher.start();
    relay.start();
    housekeeping.start();
    const url = await listen(app, config);
    logger.info({ url, keepsSecrets: config.secretsKey !== undefined }, 'connectors is up');
    return { url, stop: () => opened.close() };
  } catch (error) {
    return await opened.abandon(error, logger);
  }
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
