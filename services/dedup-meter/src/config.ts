import { LOG_LEVELS, type LogLevelName } from '@trackline/observability';

export interface DedupMeterConfig {
  readonly kafkaBrokers: string;
  readonly databaseUrl: string;
  /** One server, or nodes of a cluster with commas between them. */
  readonly redisUrl: string;
  readonly redisMode: 'single' | 'cluster';
  readonly httpHost: string;
  readonly httpPort: number;
  readonly adminToken: string;
  readonly logLevel: LogLevelName;
  /** Put before every topic name and group id. */
  readonly topicPrefix: string;
  readonly instanceId: string;
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

/** The settings are not usable; `problems` names every one of them. */
export class ConfigProblems extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`Settings are missing or wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** The settings from the environment. Throws ConfigProblems that lists all that is wrong at once. */
export function loadConfig(env: Environment): DedupMeterConfig {
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
  const oneOf = <Value extends string>(name: string, absent: Value, values: readonly Value[]): Value => {
    const text = (env[name] || absent) as Value;
    if (values.includes(text)) return text;
    problems.push(`${name} is "${text}": one of ${values.join(', ')} is needed.`);
    return absent;
  };
  const config: DedupMeterConfig = {
    kafkaBrokers: needed('KAFKA_BROKERS', 'host:port of the brokers, separated by commas'),
    databaseUrl: needed('DATABASE_URL', 'postgres://user:password@host:port/database'),
    redisUrl: needed('REDIS_URL', 'redis://host:port, or several nodes of a cluster, separated by commas'),
    redisMode: oneOf('REDIS_MODE', 'single', ['single', 'cluster']),
    adminToken: needed('ADMIN_TOKEN', 'the bearer token of administration routes'),
    httpHost: env.HTTP_HOST || '127.0.0.1',
    httpPort: whole('HTTP_PORT', 8082, 0, 65_535),
    logLevel: oneOf<LogLevelName>('LOG_LEVEL', 'info', LOG_LEVELS),
    topicPrefix: env.TOPIC_PREFIX ?? '',
    instanceId: env.INSTANCE_ID || `dedup-meter-${process.pid}`,
    contactPartitions: whole('CONTACT_PARTITIONS', 6, 1, 10_000),
    sourceGeneration: whole('SOURCE_GENERATION', 1, 1, 1_000_000),
    inboundAuth: oneOf('INBOUND_AUTH', 'none', ['none', 'key']),
    hotWindowMs: whole('HOT_WINDOW_HOURS', 48, 1, 24 * 60) * HOUR_MS,
    databaseConnections: whole('DATABASE_CONNECTIONS', 10, 4, 200),
    batchMessages: whole('BATCH_MESSAGES', 500, 1, 1_000),
    sessionTimeoutMs: whole('SESSION_TIMEOUT_MS', 10_000, 1_000, 5 * MINUTE_MS),
    tickMs: whole('TICK_MS', 1_000, 0, HOUR_MS),
    progressMs: whole('PROGRESS_MS', 250, 10, MINUTE_MS),
  };
  if (problems.length > 0) throw new ConfigProblems(problems);
  return config;
}
