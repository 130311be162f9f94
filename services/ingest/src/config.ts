import { secretsKeyProblem } from '@trackline/directory';
import { LOG_LEVELS, type LogLevelName } from '@trackline/observability';

export interface IngestConfig {
  readonly kafkaBrokers: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly httpHost: string;
  readonly httpPort: number;
  readonly adminToken: string;
  readonly logLevel: LogLevelName;
  readonly instanceId: string;
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

/** The settings are not usable; `problems` names every one of them. */
export class ConfigProblems extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`Settings are missing or wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The settings from the environment. Throws ConfigProblems that lists all that is wrong at once. */
export function loadConfig(env: Environment): IngestConfig {
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
  const secrets = (name: string): string | undefined => {
    const problem = env[name] ? secretsKeyProblem(env[name]) : undefined;
    if (problem !== undefined) problems.push(`${name} is wrong: ${problem}.`);
    return env[name] || undefined;
  };
  const logLevel = (env.LOG_LEVEL || 'info') as LogLevelName;
  if (!LOG_LEVELS.includes(logLevel)) {
    problems.push(`LOG_LEVEL is "${logLevel}": one of ${LOG_LEVELS.join(', ')} is needed.`);
  }
  const config: IngestConfig = {
    kafkaBrokers: needed('KAFKA_BROKERS', 'host:port of the brokers, separated by commas'),
    databaseUrl: needed('DATABASE_URL', 'postgres://user:password@host:port/database'),
    redisUrl: needed('REDIS_URL', 'redis://host:port'),
    adminToken: needed('ADMIN_TOKEN', 'the bearer token of the administration routes'),
    httpHost: env.HTTP_HOST || '127.0.0.1',
    httpPort: whole('HTTP_PORT', 8081, 0, 65_535),
    logLevel,
    instanceId: env.INSTANCE_ID || `ingest-${process.pid}`,
    topicPrefix: env.TOPIC_PREFIX ?? '',
    contactPartitions: whole('CONTACT_PARTITIONS', 6, 1, 1_000),
    outcomePartitions: whole('OUTCOME_PARTITIONS', 16, 1, 1_000),
    databaseConnections: whole('DATABASE_CONNECTIONS', 10, 2, 200),
    answerDeadlineMs: whole('ANSWER_DEADLINE_MS', 2_000, 1, 60_000),
    publishTimeoutMs: whole('PUBLISH_TIMEOUT_MS', 5_000, 100, 60_000),
    maxQueuedEvents: whole('MAX_QUEUED_EVENTS', 20_000, 1_000, 1_000_000),
    upgradeUrl: env.UPGRADE_URL || 'https://trackline.example/upgrade',
    publicUrl: env.PUBLIC_URL || '/',
    contactChangesPollMs: whole('CONTACT_CHANGES_POLL_MS', 250, 10, 60_000),
    secretsKey: secrets('SECRETS_KEY'),
    webhookBodiesKeptDays: whole('WEBHOOK_BODIES_KEPT_DAYS', 30, 1, 400),
    contactLinksKeptDays: whole('CONTACT_LINKS_KEPT_DAYS', 90, 1, 800),
  };
  if (problems.length > 0) throw new ConfigProblems(problems);
  return config;
}
