import type { Directory } from '@trackline/directory';
import { endOffsets, type KafkaConnection, type Publisher } from '@trackline/kafka';
import type { Clock } from '@trackline/kernel';
import type { Logger, Metrics } from '@trackline/observability';
import type { Database } from '@trackline/postgres';
import { metricsObserver } from './adapters/kafka/admission-metrics.ts';
import { KafkaOutlet } from './adapters/kafka/kafka-outlet.ts';
import { contactsOf, organizationsOf } from './adapters/postgres/directory-register.ts';
import { PostgresLedger } from './adapters/postgres/postgres-ledger.ts';
import { RedisJudge } from './adapters/redis/redis-judge.ts';
import type { RedisClient } from './adapters/redis/redis-client.ts';
import type { DedupMeterConfig } from './config.ts';
import { Admission } from './pipeline/admit-batch.ts';
import { Clockwork } from './pipeline/clockwork.ts';
import { inboundDoor, receivedDoor } from './pipeline/doors.ts';
import { NoticeMemory } from './pipeline/notice-memory.ts';
import { publishDecisions } from './pipeline/publish-decisions.ts';
import { repeatJournal } from './pipeline/repeat-journal.ts';
import { settleBatch } from './pipeline/settle-batch.ts';

export const GROUP = 'dedup-meter';

export interface AdmissionParts {
  readonly config: DedupMeterConfig;
  readonly database: Database;
  readonly directory: Directory;
  readonly redis: RedisClient;
  readonly connection: KafkaConnection;
  readonly publisher: Publisher;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** The flow of admission over real Redis, Postgres and Kafka. */
export function wireAdmission(parts: AdmissionParts) {
  const { config, database, directory, connection, metrics, logger: log, clock } = parts;
  const observer = metricsObserver(metrics);
  const organizations = organizationsOf(directory);
  const ledger = new PostgresLedger(database);
  const judge = new RedisJudge(parts.redis, { hotWindowMs: config.hotWindowMs });
  const outlet = new KafkaOutlet(parts.publisher, GROUP);
  const admission = new Admission({
    ledger,
    judge,
    settle: settleBatch({ judge, ledger, organizations, observer, clock, notices: new NoticeMemory() }),
    repeat: repeatJournal(ledger),
    publish: publishDecisions({ outlet, contactPartitions: config.contactPartitions }),
    observer,
    log,
    clock,
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
    log,
    tickMs: config.tickMs,
  });
  return { admission, doors, clockwork };
}
