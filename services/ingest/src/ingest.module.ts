import { setTimeout as sleep } from 'node:timers/promises';
import {
  Inject,
  Module,
  type DynamicModule,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { openApiDocument, routes } from '@trackline/contracts';
import { ApiKeyGuard, normalizePhone } from '@trackline/directory';
import { systemClock, uuidv7 } from '@trackline/kernel';
import { flowMetrics, ObservabilityModule, type Logger, type Metrics } from '@trackline/observability';
import { Admission, AdmittedGuard } from './adapters/http/admission.ts';
import { AdminController } from './adapters/http/admin.controller.ts';
import { ChannelsController } from './adapters/http/channels.controller.ts';
import { ContactsController } from './adapters/http/contacts.controller.ts';
import { ConversationsController } from './adapters/http/conversations.controller.ts';
import { DocumentationController, type ApiDocument } from './adapters/http/documentation.controller.ts';
import { docsPage } from './adapters/http/docs/docs-page.ts';
import { EventsController } from './adapters/http/events.controller.ts';
import { MetricEventsController } from './adapters/http/metric-events.controller.ts';
import { WhatsappWebhookController } from './adapters/http/whatsapp-webhook.controller.ts';
import { kafkaEventLog } from './adapters/kafka/event-log.ts';
import { directoryContacts } from './adapters/directory/directory-contacts.ts';
import { redisAnswerMemory } from './adapters/redis/answer-memory.ts';
import { Bypass } from './adapters/redis/bypass.ts';
import { redisRateLimiter } from './adapters/redis/rate-limiter.ts';
import { metered } from './adapters/metrics/metered-ports.ts';
import { BackgroundWork } from './background-work.ts';
import type { IngestConfig } from './config.ts';
import { composeWhatsapp, runWhatsapp, whatsappDoor } from './compose-whatsapp.ts';
import { closeConnections, type Connections } from './connections.ts';
import { runDirectoryUpkeep } from './directory-upkeep.ts';
import { oncePerKey } from './pipeline/once-per-key.ts';
import { metricTracking, tracking, type TrackParts } from './pipeline/track.ts';
import { batchTracking } from './pipeline/track-batch.ts';
import {
  ADMISSION,
  API_DOCUMENT,
  CHANNELS,
  CLOCK,
  CONTACTS_CHANGED,
  DIRECTORY,
  ONCE_PER_KEY,
  RECORD_CONVERSATIONS,
  TRACK,
  TRACK_BATCH,
  TRACK_METRIC,
  WHATSAPP_DOOR,
} from './tokens.ts';

const VERSION = '0.1.0';
/** Beyond publishing and waiting: time for the directory and for Redis. */
const LEASE_MARGIN_MS = 3_000;

const CONNECTIONS = Symbol('Connections');
const BACKGROUND = Symbol('BackgroundWork');

/** Stops what runs beside the requests first, and closes the connections once no request needs them any more. */
class Shutdown implements OnModuleDestroy, OnApplicationShutdown {
  constructor(
    @Inject(CONNECTIONS) private readonly connections: Connections,
    @Inject(BACKGROUND) private readonly background: BackgroundWork,
  ) {}

  async onModuleDestroy(): Promise<void> {
    await this.background.stop();
  }

  async onApplicationShutdown(): Promise<void> {
    await closeConnections(this.connections);
  }
}

export interface IngestParts {
  readonly config: IngestConfig;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly connections: Connections;
}

@Module({})
export class IngestModule {
  static with({ config, logger, metrics, connections }: IngestParts): DynamicModule {
    const { database, directory, redis, publisher, desk, reader } = connections;
    const bypassed = metrics.counter('redis_bypassed_total', 'Calls that went on without Redis.', ['use']);
    const rateLimited = metrics.counter('rate_limited_total', 'Requests that were refused for their rate.');
    metrics.gauge('outcomes_waited_for', 'Events whose outcome a caller waits for.', [], (gauge) =>
      gauge.set(desk.size),
    );

    const bypass = new Bypass({ clock: systemClock, onBypass: (use) => bypassed.inc({ use }) });
    const ports = {
      contacts: directoryContacts(directory),
      log: kafkaEventLog({
        publisher,
        contactPartitions: config.contactPartitions,
        timeoutMs: config.publishTimeoutMs,
        logger,
      }),
      outcomes: desk,
    };
    const flow = flowMetrics(metrics, 'http_events');
    const trackParts: TrackParts = {
      ...metered(ports, flow),
      newId: uuidv7,
      deadlineMs: config.answerDeadlineMs,
      upgradeUrl: config.upgradeUrl,
    };
    const background = new BackgroundWork(logger);
    const admission = new Admission({
      guard: new ApiKeyGuard({ directory, adminToken: config.adminToken }),
      limiter: redisRateLimiter(redis, bypass, config.topicPrefix),
      onRateLimited: () => rateLimited.inc(),
      isCrowdedFor: (organizationId) => desk.isCrowdedFor(organizationId),
      onCrowded: () => flow.outcome('crowded'),
    });
    const wakeDrain = runDirectoryUpkeep({ config, logger, metrics, connections }, background);
    const whatsappSettings = { config, logger, connections };
    const whatsapp = composeWhatsapp(whatsappSettings);
    runWhatsapp(whatsapp, whatsappSettings, background);
    const document = (): ApiDocument => {
      const openApi = openApiDocument(routes, { version: VERSION, serverUrl: config.publicUrl });
      return { openApi, html: docsPage(openApi) };
    };
    return {
      module: IngestModule,
      imports: [
        ObservabilityModule.forService({
          service: 'ingest',
          metrics,
          logger,
          checks: { postgres: () => database.isReady(), kafka: () => reader.isReady() },
        }),
      ],
      controllers: [
        EventsController,
        MetricEventsController,
        ContactsController,
        ConversationsController,
        WhatsappWebhookController,
        AdminController,
        ChannelsController,
        DocumentationController,
      ],
      providers: [
        { provide: CONNECTIONS, useValue: connections },
        { provide: BACKGROUND, useValue: background },
        { provide: CLOCK, useValue: systemClock },
        { provide: DIRECTORY, useValue: directory },
        { provide: CHANNELS, useValue: whatsapp.channels },
        { provide: WHATSAPP_DOOR, useValue: whatsappDoor(whatsapp, logger, metrics) },
        { provide: RECORD_CONVERSATIONS, useValue: whatsapp.recordConversations },
        { provide: TRACK, useFactory: () => tracking(trackParts) },
        { provide: TRACK_METRIC, useFactory: () => metricTracking(trackParts, normalizePhone) },
        { provide: TRACK_BATCH, useFactory: () => batchTracking(trackParts) },
        {
          provide: ONCE_PER_KEY,
          useFactory: () =>
            oncePerKey({
              memory: redisAnswerMemory(redis, bypass, config.topicPrefix),
              clock: systemClock,
              newToken: uuidv7,
              pause: sleep,
              leaseMs: config.publishTimeoutMs + config.answerDeadlineMs + LEASE_MARGIN_MS,
            }),
        },
        { provide: CONTACTS_CHANGED, useValue: wakeDrain },
        { provide: API_DOCUMENT, useFactory: document },
        { provide: ADMISSION, useValue: admission },
        { provide: APP_GUARD, useClass: AdmittedGuard },
        Shutdown,
      ],
    };
  }
}
