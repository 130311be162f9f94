import { readSettings, type Environment, type ServiceConfig } from '@trackline/process';

export interface DedupMeterConfig extends ServiceConfig {
  /** One server, or nodes of a cluster with commas between them. */
  readonly redisUrl: string;
  readonly redisMode: 'single' | 'cluster';
  readonly contactPartitions: number;
  /** Counts up when the source topics are made anew. */
  readonly sourceGeneration: number;
  readonly inboundAuth: 'none' | 'key';
  /** How long a resend is known. */
  readonly hotWindowMs: number;
  readonly databaseConnections: number;
  readonly batchMessages: number;
  /** A consumer that is silent for so long has lost its partitions to others. */
  readonly sessionTimeoutMs: number;
  /** After so long without a message a partition gets a record that shows how far time has come there; 0: never. */
  readonly tickMs: number;
  readonly progressMs: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** The settings from the environment. Throws ConfigProblems that lists all that is wrong at once. */
export const loadConfig = (env: Environment): DedupMeterConfig =>
  readSettings(env, (settings) => ({
    ...settings.ofService('dedup-meter', { httpPort: 8082 }),
    redisUrl: settings.needed(
      'REDIS_URL',
      'redis://host:port, or several nodes of a cluster, separated by commas',
    ),
    redisMode: settings.oneOf('REDIS_MODE', 'single', ['single', 'cluster']),
    contactPartitions: settings.whole('CONTACT_PARTITIONS', 6, 1, 10_000),
    sourceGeneration: settings.whole('SOURCE_GENERATION', 1, 1, 1_000_000),
    inboundAuth: settings.oneOf('INBOUND_AUTH', 'none', ['none', 'key']),
    hotWindowMs: settings.whole('HOT_WINDOW_HOURS', 48, 1, 24 * 60) * HOUR_MS,
    databaseConnections: settings.whole('DATABASE_CONNECTIONS', 10, 4, 200),
    batchMessages: settings.whole('BATCH_MESSAGES', 500, 1, 1_000),
    sessionTimeoutMs: settings.whole('SESSION_TIMEOUT_MS', 10_000, 1_000, 5 * MINUTE_MS),
    tickMs: settings.whole('TICK_MS', 1_000, 0, HOUR_MS),
    progressMs: settings.whole('PROGRESS_MS', 250, 10, MINUTE_MS),
  }));
