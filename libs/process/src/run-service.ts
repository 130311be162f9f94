import { createLogger, type Logger } from '@trackline/observability';
import { keepHeapSmall } from './heap-growth.ts';
import { ConfigProblems, type Environment, type ServiceConfig } from './settings.ts';

/** sysexits.h: EX_CONFIG. To try again would change nothing. */
export const EXIT_CONFIG = 78;

/** Longer than the longest answer takes; whoever sent the signal kills a process that does not end. */
const DRAIN_LIMIT_MS = 9_000;

export interface RunningService {
  /** Drains: takes nothing new, finishes what runs, closes its connections. */
  stop(): Promise<unknown>;
}

export interface ServiceProcess<Config> {
  readonly service: string;
  /** Throws ConfigProblems. */
  readonly loadConfig: (env: Environment) => Config;
  readonly start: (config: Config, logger: Logger) => Promise<RunningService>;
  readonly drainLimitMs?: number;
}

/**
 * A service from its start to its end. SIGTERM and SIGINT drain it, also while it still starts.
 * Exit codes: 0 drained, 1 it did not start, did not drain in time or died of a fault, 78 its settings are wrong.
 */
export function runService<Config extends Pick<ServiceConfig, 'instanceId' | 'logLevel'>>({
  service,
  loadConfig,
  start,
  drainLimitMs = DRAIN_LIMIT_MS,
}: ServiceProcess<Config>): void {
  keepHeapSmall();
  const config = configOrExit(loadConfig);
  const logger = createLogger({ service, instance: config.instanceId, level: config.logLevel });
  const die = (err: unknown, why: string): never => {
    logger.fatal({ err }, why);
    process.exit(1);
  };
  for (const event of ['unhandledRejection', 'uncaughtException'] as const)
    process.on(event, (err: unknown) => die(err, event));

  let draining = false;
  const drain = (signal: NodeJS.Signals): void => {
    if (draining) return;
    draining = true;
    logger.info({ signal }, 'draining');
    setTimeout(() => {
      logger.error({ drainLimitMs }, 'not drained in time: what was not finished comes again');
      process.exit(1);
    }, drainLimitMs).unref();
    starting
      .then((running) => running.stop())
      .then(
        () => process.exit(0),
        (err: unknown) => die(err, 'draining failed'),
      );
  };
  process.on('SIGTERM', drain);
  process.on('SIGINT', drain);
  const starting = start(config, logger);
  starting.catch((err: unknown) => draining || die(err, `${service} did not start`));
}

function configOrExit<Config>(loadConfig: (env: Environment) => Config): Config {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigProblems)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(EXIT_CONFIG);
  }
}

/** For commands that need the database and nothing else. Ends the process when nobody said where it is. */
export function databaseUrlOrExit(): string {
  const databaseUrl = process.env.DATABASE_URL;
  if (databaseUrl) return databaseUrl;
  process.stderr.write('DATABASE_URL is not set: postgres://user:password@host:port/database.\n');
  process.exit(EXIT_CONFIG);
}
