import { Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { ApiKeyGuard, type Directory } from '@trackline/directory';
import { honestFaults } from '@trackline/http';
import type { KafkaBatchServer, Publisher } from '@trackline/kafka';
import type { Clock } from '@trackline/kernel';
import { ObservabilityModule, type Logger, type Metrics } from '@trackline/observability';
import { isConnectionFault, isContention, type Database } from '@trackline/postgres';
import { USAGE_REPORTER, UsageController } from './adapters/http/usage.controller.ts';
import {
  ADMISSION,
  CLOCKWORK,
  EVENT_DOORS,
  EventsConsumer,
  type EventDoors,
} from './adapters/kafka/events.consumer.ts';
import { usageBook } from './adapters/postgres/usage-book.ts';
import type { RedisClient } from './adapters/redis/redis-client.ts';
import type { Admission } from './pipeline/admit-batch.ts';
import type { Clockwork } from './pipeline/clockwork.ts';
import { reportUsage } from './pipeline/report-usage.ts';

/** Opened and closed by whoever starts the service; the module only wires them. */
export interface DedupMeterParts {
  readonly adminToken: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly database: Database;
  readonly directory: Directory;
  readonly redis: RedisClient;
  readonly consumer: KafkaBatchServer;
  readonly publisher: Publisher;
  readonly admission: Admission;
  readonly doors: EventDoors;
  readonly clockwork: Clockwork;
}

const LEDGER_AWAY = 'The ledger is not there now. Try again.';
const honest = honestFaults(
  { isIt: isConnectionFault, told: LEDGER_AWAY },
  { isIt: isContention, told: LEDGER_AWAY },
);

@Module({})
export class DedupMeterModule {
  static with(parts: DedupMeterParts): DynamicModule {
    const { adminToken, clock, directory, logger, metrics, database, redis, consumer, publisher } = parts;
    return {
      module: DedupMeterModule,
      imports: [
        ObservabilityModule.forService({
          service: 'dedup-meter',
          metrics,
          logger,
          checks: {
            postgres: () => database.isReady(),
            redis: () => redis.isReady(),
            kafka: () => consumer.isReady(),
            publisher: () => publisher.isReady(),
          },
        }),
      ],
      controllers: [UsageController, EventsConsumer],
      providers: [
        { provide: ADMISSION, useValue: parts.admission },
        { provide: EVENT_DOORS, useValue: parts.doors },
        { provide: CLOCKWORK, useValue: parts.clockwork },
        { provide: USAGE_REPORTER, useValue: reportUsage(usageBook(database), clock) },
        { provide: APP_GUARD, useValue: honest.guard(new ApiKeyGuard({ directory, adminToken })) },
        { provide: APP_INTERCEPTOR, useValue: honest.interceptor },
      ],
    };
  }
}
