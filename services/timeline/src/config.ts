import { LOG_LEVELS, type LogLevelName } from '@trackline/observability';

export interface TimelineConfig {
  readonly kafkaBrokers: string;
  readonly databaseUrl: string;
  readonly httpHost: string;
  readonly httpPort: number;
  readonly adminToken: string;
  readonly logLevel: LogLevelName;
  /** Put before every topic name and group id. */
  readonly topicPrefix: string;
  readonly instanceId: string;
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

/** The settings are not usable; `problems` names every one of them. */
export class ConfigProblems extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`Settings are missing or wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

const HOUR_MS = 3_600_000;

/** The settings from the environment. Throws ConfigProblems that lists all that is wrong at once. */
export function loadConfig(env: Environment): TimelineConfig {
  const problems: string[] = [];
  const needed = (name: string, what: string): string => {
    const value = env[name];
    if (!value) problems.push(`${name} is not set: ${what}.`);
    return value ?? '';
  };
  const whole = (name: string, absent: number, min: number, max: number): number => {
    const text = env[name];
    if (text === undefined || text === '') return absent;
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    problems.push(`${name} is "${text}": a whole number from ${min} to ${max} is needed.`);
    return absent;
  };
  const logLevel = (env.LOG_LEVEL || 'info') as LogLevelName;
  if (!LOG_LEVELS.includes(logLevel)) {
    problems.push(`LOG_LEVEL is "${logLevel}": one of ${LOG_LEVELS.join(', ')} is needed.`);
  }
  const config: TimelineConfig = {
    kafkaBrokers: needed('KAFKA_BROKERS', 'host:port of the brokers, separated by commas'),
    databaseUrl: needed('DATABASE_URL', 'postgres://user:password@host:port/database'),
    adminToken: needed('ADMIN_TOKEN', 'the bearer token of administration routes'),
    httpHost: env.HTTP_HOST || '127.0.0.1',
    httpPort: whole('HTTP_PORT', 8084, 0, 65_535),
    logLevel,
    topicPrefix: env.TOPIC_PREFIX ?? '',
    instanceId: env.INSTANCE_ID || `timeline-${process.pid}`,
    databaseConnections: whole('DATABASE_CONNECTIONS', 10, 2, 200),
    batchMessages: whole('BATCH_MESSAGES', 500, 1, 5_000),
    sessionTimeoutMs: whole('SESSION_TIMEOUT_MS', 10_000, 1_000, 300_000),
    partitionCheckMs: whole('PARTITION_CHECK_MS', 24 * HOUR_MS, 1_000, 24 * HOUR_MS),
    attributionCheckMs: whole('ATTRIBUTION_CHECK_MS', 10_000, 100, 24 * HOUR_MS),
    editionLeaseMs: whole('EDITION_LEASE_MS', 30_000, 1_000, HOUR_MS),
  };
  if (problems.length > 0) throw new ConfigProblems(problems);
  return config;
}
