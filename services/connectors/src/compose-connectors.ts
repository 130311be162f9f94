import { ACTION_KINDS, type ActionKind } from '@trackline/contracts';
import { Channels, Connectors, Directory } from '@trackline/directory';
import type { KafkaBatchServer, Publisher } from '@trackline/kafka';
import { flowMetrics, type Logger, type Metrics } from '@trackline/observability';
import type { Database } from '@trackline/postgres';
import type { Agent } from 'undici';
import { beforeAttempts } from './adapters/directory/before-attempts.ts';
import { directoryCredentials } from './adapters/directory/directory-credentials.ts';
import { deadLetters } from './adapters/kafka/dead-letter.ts';
import { publishMessages } from './adapters/kafka/publish-messages.ts';
import { logSender } from './adapters/log/log-sender.ts';
import { deliveryReader } from './adapters/postgres/delivery-reader.ts';
import { deliveryStore } from './adapters/postgres/delivery-store.ts';
import { erasedDeliveries } from './adapters/postgres/erased-deliveries.ts';
import { outbox } from './adapters/postgres/outbox.ts';
import { overdueByKind, pendingByKind } from './adapters/postgres/queue-depth.ts';
import { emailSender } from './adapters/smtp/email-sender.ts';
import { webhookSender } from './adapters/webhook/webhook-sender.ts';
import { conversionSender } from './adapters/whatsapp/conversion-sender.ts';
import { whatsappSender } from './adapters/whatsapp/whatsapp-sender.ts';
import type { ConnectorsConfig } from './config.ts';
import type { ConnectorsParts } from './connectors.module.ts';
import { deliver } from './pipeline/deliver.ts';
import { Dispatcher } from './pipeline/dispatcher.ts';
import { eraseContacts } from './pipeline/erase-contacts.ts';
import { Housekeeping } from './pipeline/housekeeping.ts';
import { OutboxRelay } from './pipeline/relay-outbox.ts';
import { takeActions } from './pipeline/take-actions.ts';
import type { ResolveAllowed, Sender } from './ports.ts';

/** What is open when the flows are put together. */
export interface Open {
  readonly config: ConnectorsConfig;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly database: Database;
  readonly publisher: Publisher;
  readonly consumer: KafkaBatchServer;
  readonly resolve: ResolveAllowed;
  readonly agent: Agent;
}

export interface Composed {
  readonly parts: ConnectorsParts;
  readonly dispatchers: readonly Dispatcher[];
  readonly relay: OutboxRelay;
  readonly housekeeping: Housekeeping;
}

export const GROUP = 'connectors';
const MAX_RETRY_DELAY_MS = 4 * 3_600_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const PURGE_EVERY_MS = 60_000;
const RELAY_POLL_MS = 1_000;

function sendersOf({ config, logger, agent, resolve }: Open): Readonly<Record<ActionKind, Sender>> {
  const timeoutMs = config.deliveryTimeoutMs;
  const log = logSender(logger);
  const email = emailSender({ smtpUrl: config.smtpUrl, from: config.smtpFrom, resolve, timeoutMs });
  const whatsapp = whatsappSender({
    url: config.whatsappApiUrl,
    version: config.whatsappApiVersion,
    timeoutMs,
    nowMs: Date.now,
  });
  const conversion = conversionSender({
    url: config.conversionsApiUrl,
    version: config.conversionsApiVersion,
    timeoutMs,
    nowMs: Date.now,
  });
  return {
    webhook: webhookSender({ agent, allowHttp: config.allowHttp, timeoutMs, nowMs: Date.now }),
    email: (delivery, given) => ((given ?? config.smtpUrl) ? email : log)(delivery, given),
    whatsapp: (delivery, given) => (given ? whatsapp : log)(delivery, given),
    sms: log,
    conversion,
  };
}

/** The flows over their adapters. */
export function composeConnectors(open: Open): Composed {
  const { config, logger, metrics, database, publisher, consumer } = open;
  const connectors = new Connectors(database, { secretsKey: config.secretsKey });
  const channels = new Channels(database, { secretsKey: config.secretsKey });
  const attempts = metrics.counter('delivery_attempts_total', 'Attempts by what came of them.', [
    'kind',
    'fate',
    'reason',
  ]);
  const onFault = (err: unknown): void => logger.warn({ err }, 'work on deliveries failed: tried again');
  const store = deliveryStore(database, onFault);
  const directory = new Directory(database);
  const relay = new OutboxRelay({
    outbox: outbox(database),
    publish: publishMessages(publisher),
    onFault,
    pollMs: RELAY_POLL_MS,
  });
  const attempt = deliver({
    store,
    senders: sendersOf(open),
    toLetter: deadLetters(GROUP),
    policy: {
      maxAttempts: config.deliveryAttempts,
      maxAgeMs: config.deliveryHours * HOUR_MS,
      firstDelayMs: config.retryFirstMs,
      maxDelayMs: MAX_RETRY_DELAY_MS,
    },
    contactPartitions: config.contactPartitions,
    timeoutMs: config.deliveryTimeoutMs,
    nowMs: Date.now,
    random: Math.random,
    onAttempt: ({ action, attempts: number, destination }, fate, outcome) => {
      const reason = 'reason' in outcome ? outcome.reason : '';
      attempts.inc({ kind: action.kind, fate, reason });
      if (fate === 'given_up' || fate === 'lease_lost') {
        const { id: actionId, organizationId, kind } = action;
        logger.warn({ actionId, organizationId, kind, destination, number, reason }, `delivery ${fate}`);
      }
      if (fate !== 'again' && fate !== 'put_back') relay.wake();
    },
    onFault: (err, { action: { id: actionId, organizationId } }) =>
      logger.error({ err, actionId, organizationId }, 'an attempt failed on our side'),
  });
  const dispatchers = ACTION_KINDS.map(
    (kind) =>
      new Dispatcher({
        kind,
        store,
        before: beforeAttempts(directoryCredentials(connectors, channels), directory),
        deliver: attempt,
        limits: {
          total: config.deliveryConcurrency,
          perOrganization: config.organizationConcurrency,
          perDestination: config.destinationConcurrency,
          leaseMs: config.deliveryLeaseMs,
          pollMs: config.deliveryPollMs,
        },
        onFault,
      }),
  );
  observeQueue(metrics, database, logger);
  return {
    dispatchers,
    relay,
    housekeeping: new Housekeeping({
      store,
      keepMs: config.deliveriesDays * DAY_MS,
      everyMs: PURGE_EVERY_MS,
      onFault,
    }),
    parts: {
      adminToken: config.adminToken,
      logger,
      metrics,
      directory,
      desk: { connectors, sendsMail: config.smtpUrl !== undefined },
      deliveries: deliveryReader(database),
      checks: {
        postgres: () => database.isReady(),
        kafka: () => consumer.isReady(),
        publisher: () => publisher.isReady(),
      },
      actions: {
        take: takeActions(store),
        onTaken: () => dispatchers.forEach((dispatcher) => dispatcher.wake()),
        metrics: flowMetrics(metrics, 'actions'),
      },
      contacts: {
        erase: eraseContacts({
          deliveries: erasedDeliveries(database),
          formerIds: (of) => directory.formerIds(of),
          contactPartitions: config.contactPartitions,
          nowMs: Date.now,
          onEnded: () => relay.wake(),
        }),
        metrics: flowMetrics(metrics, 'contacts'),
      },
    },
  };
}

function observeQueue(metrics: Metrics, database: Database, logger: Logger): void {
  const byKind = (name: string, help: string, look: (of: Database) => Promise<Map<string, number>>) =>
    metrics.gauge(name, help, ['kind'], async (gauge) => {
      try {
        for (const [kind, value] of await look(database)) gauge.set({ kind }, value);
      } catch (err) {
        // The other measures are wanted most of all while the database is away.
        gauge.reset();
        logger.warn({ err, gauge: name }, 'not measured');
      }
    });
  byKind('deliveries_pending', 'Deliveries that have not ended, counted up to 100,000.', pendingByKind);
  byKind(
    'deliveries_overdue_seconds',
    'How long the organisation and destination that waits longest has been due.',
    overdueByKind,
  );
}
