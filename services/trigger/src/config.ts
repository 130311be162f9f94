import { LOG_LEVELS, type LogLevelName } from '@trackline/observability';

export interface TriggerConfig {
  readonly kafkaBrokers: string;
  readonly databaseUrl: string;
  readonly httpHost: string;
  readonly httpPort: number;
  readonly adminToken: string;
  readonly logLevel: LogLevelName;
  /** Put before every topic name and group id. */
  readonly topicPrefix: string;
  readonly instanceId: string;
  readonly contactPartitions: number;
  readonly outcomePartitions: number;
  /** Of the source topics, as dedup-meter has it. */
  readonly sourceGeneration: number;
  readonly databaseConnections: number;
  /** Events that are decided in one transaction. */
  readonly batchMessages: number;
  /** A consumer that is silent for so long has lost its partitions to others. */
  readonly sessionTimeoutMs: number;
  /** How often timers are looked at. */
  readonly timerPollMs: number;
  /** Executions that one transaction of timers moves. */
  readonly timerChunk: number;
  /** How long a resend is answered with what its event did. */
  readonly handledHours: number;
  /** How long executions are kept after their end. */
  readonly executionsDays: number;
  /** A due time of a schedule that was missed for longer is passed over. */
  readonly scheduleCatchUpMinutes: number;
  /** How often schedules are looked at. */
  readonly schedulePollMs: number;
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
export function loadConfig(env: Environment): TriggerConfig {
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
  const config: TriggerConfig = {
    kafkaBrokers: needed('KAFKA_BROKERS', 'host:port of the brokers, separated by commas'),
    databaseUrl: needed('DATABASE_URL', 'postgres://user:password@host:port/database'),
    adminToken: needed('ADMIN_TOKEN', 'the bearer token of administration routes'),
    httpHost: env.HTTP_HOST || '127.0.0.1',
    httpPort: whole('HTTP_PORT', 8083, 0, 65_535),
    logLevel,
    topicPrefix: env.TOPIC_PREFIX ?? '',
    instanceId: env.INSTANCE_ID || `trigger-${process.pid}`,
    contactPartitions: whole('CONTACT_PARTITIONS', 6, 1, 1_000),
    outcomePartitions: whole('OUTCOME_PARTITIONS', 16, 1, 10_000),
    sourceGeneration: whole('SOURCE_GENERATION', 1, 1, 1_000_000),
    databaseConnections: whole('DATABASE_CONNECTIONS', 10, 2, 200),
    batchMessages: whole('BATCH_MESSAGES', 500, 1, 5_000),
    sessionTimeoutMs: whole('SESSION_TIMEOUT_MS', 10_000, 1_000, 300_000),
    timerPollMs: whole('TIMER_POLL_MS', 200, 10, 60_000),
    timerChunk: whole('TIMER_CHUNK', 200, 1, 5_000),
    handledHours: whole('HANDLED_HOURS', 48, 1, 24 * 366),
    executionsDays: whole('EXECUTIONS_DAYS', 400, 1, 36_500),
    scheduleCatchUpMinutes: whole('SCHEDULE_CATCH_UP_MINUTES', 60, 0, 60 * 24 * 7),
    schedulePollMs: whole('SCHEDULE_POLL_MS', 1_000, 10, 60_000),
  };
  if (problems.length > 0) throw new ConfigProblems(problems);
  return config;
}
