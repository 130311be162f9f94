import { secretsKeyProblem } from '@trackline/directory';
import { readSettings, type Environment, type ServiceConfig } from '@trackline/process';

export interface IngestConfig extends ServiceConfig {
  readonly redisUrl: string;
  /** Put before every topic name, group id and Redis key. */
  readonly topicPrefix: string;
  /** Partitions of the topics that are keyed by contact. */
  readonly contactPartitions: number;
  /** Partitions of `outcomes.v1`. */
  readonly outcomePartitions: number;
  readonly databaseConnections: number;
  /** How long an answer waits for the outcome of its event, counted from the request. */
  readonly answerDeadlineMs: number;
  /** How long the broker may take to confirm before the caller hears 503. */
  readonly publishTimeoutMs: number;
  /** Events that may wait for the broker before callers are turned away. */
  readonly maxQueuedEvents: number;
  /** Where a customer whose plan is used up is sent. */
  readonly upgradeUrl: string;
  /** The one address in front of the services, as `/openapi.json` names it. */
  readonly publicUrl: string;
  readonly contactChangesPollMs: number;
  /** Keys under which secrets of channels are sealed; absent: there can be no channels. */
  readonly secretsKey?: string | undefined;
  /** For so long what Meta sent can be replayed. */
  readonly webhookBodiesKeptDays: number;
  /** For so long a message or click finds its contact. */
  readonly contactLinksKeptDays: number;
}

/** The settings from the environment. Throws ConfigProblems that lists all that is wrong at once. */
export const loadConfig = (env: Environment): IngestConfig =>
  readSettings(env, (settings) => ({
    ...settings.ofService('ingest', { httpPort: 8081 }),
    redisUrl: settings.needed('REDIS_URL', 'redis://host:port'),
    contactPartitions: settings.whole('CONTACT_PARTITIONS', 6, 1, 1_000),
    outcomePartitions: settings.whole('OUTCOME_PARTITIONS', 16, 1, 1_000),
    databaseConnections: settings.whole('DATABASE_CONNECTIONS', 10, 2, 200),
    answerDeadlineMs: settings.whole('ANSWER_DEADLINE_MS', 2_000, 1, 60_000),
    publishTimeoutMs: settings.whole('PUBLISH_TIMEOUT_MS', 5_000, 100, 60_000),
    maxQueuedEvents: settings.whole('MAX_QUEUED_EVENTS', 20_000, 1_000, 1_000_000),
    upgradeUrl: settings.text('UPGRADE_URL', 'https://trackline.example/upgrade'),
    publicUrl: settings.text('PUBLIC_URL', '/'),
    contactChangesPollMs: settings.whole('CONTACT_CHANGES_POLL_MS', 250, 10, 60_000),
    secretsKey: settings.checked('SECRETS_KEY', secretsKeyProblem),
    webhookBodiesKeptDays: settings.whole('WEBHOOK_BODIES_KEPT_DAYS', 30, 1, 400),
    contactLinksKeptDays: settings.whole('CONTACT_LINKS_KEPT_DAYS', 90, 1, 800),
  }));
