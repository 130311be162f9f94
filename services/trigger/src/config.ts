import { readSettings, type Environment, type ServiceConfig } from '@trackline/process';

export interface TriggerConfig extends ServiceConfig {
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
  /** How long a change of what Meta is to be told of may go unnoticed. */
  readonly feedbackCheckMs: number;
}

/** The settings from the environment. Throws ConfigProblems that lists all that is wrong at once. */
export const loadConfig = (env: Environment): TriggerConfig =>
  readSettings(env, (settings) => ({
    ...settings.ofService('trigger', { httpPort: 8083 }),
    contactPartitions: settings.whole('CONTACT_PARTITIONS', 6, 1, 1_000),
    outcomePartitions: settings.whole('OUTCOME_PARTITIONS', 16, 1, 10_000),
    sourceGeneration: settings.whole('SOURCE_GENERATION', 1, 1, 1_000_000),
    databaseConnections: settings.whole('DATABASE_CONNECTIONS', 10, 2, 200),
    batchMessages: settings.whole('BATCH_MESSAGES', 500, 1, 5_000),
    sessionTimeoutMs: settings.whole('SESSION_TIMEOUT_MS', 10_000, 1_000, 300_000),
    timerPollMs: settings.whole('TIMER_POLL_MS', 200, 10, 60_000),
    timerChunk: settings.whole('TIMER_CHUNK', 200, 1, 5_000),
    handledHours: settings.whole('HANDLED_HOURS', 48, 1, 24 * 366),
    executionsDays: settings.whole('EXECUTIONS_DAYS', 400, 1, 36_500),
    scheduleCatchUpMinutes: settings.whole('SCHEDULE_CATCH_UP_MINUTES', 60, 0, 60 * 24 * 7),
    schedulePollMs: settings.whole('SCHEDULE_POLL_MS', 1_000, 10, 60_000),
    feedbackCheckMs: settings.whole('FEEDBACK_CHECK_MS', 10_000, 0, 600_000),
  }));
