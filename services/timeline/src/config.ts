import { readSettings, type Environment, type ServiceConfig } from '@trackline/process';

export interface TimelineConfig extends ServiceConfig {
  /** Connections to Postgres for consuming and reading. */
  readonly databaseConnections: number;
  /** Messages that are put down in one transaction. */
  readonly batchMessages: number;
  /** A consumer that is silent for so long has lost its partitions to others. */
  readonly sessionTimeoutMs: number;
  readonly partitionCheckMs: number;
  /** Between two looks at whether attribution settings have changed. */
  readonly attributionCheckMs: number;
  /** Figures that are being made, and nobody has gone on with for so long, are another instance's to go on with. */
  readonly editionLeaseMs: number;
}

const HOUR_MS = 3_600_000;

/** The settings from the environment. Throws ConfigProblems that lists all that is wrong at once. */
export const loadConfig = (env: Environment): TimelineConfig =>
  readSettings(env, (settings) => ({
    ...settings.ofService('timeline', { httpPort: 8084 }),
    databaseConnections: settings.whole('DATABASE_CONNECTIONS', 10, 2, 200),
    batchMessages: settings.whole('BATCH_MESSAGES', 500, 1, 5_000),
    sessionTimeoutMs: settings.whole('SESSION_TIMEOUT_MS', 10_000, 1_000, 300_000),
    partitionCheckMs: settings.whole('PARTITION_CHECK_MS', 24 * HOUR_MS, 1_000, 24 * HOUR_MS),
    attributionCheckMs: settings.whole('ATTRIBUTION_CHECK_MS', 10_000, 100, 24 * HOUR_MS),
    editionLeaseMs: settings.whole('EDITION_LEASE_MS', 30_000, 1_000, HOUR_MS),
  }));
