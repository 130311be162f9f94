import { createLogger } from '@trackline/observability';
import { ConfigProblems, loadConfig, type IngestConfig } from './config.ts';
import { startIngest } from './start.ts';

/** Longer than the longest answer takes; whoever sent the signal kills a process that does not end. */
const DRAIN_LIMIT_MS = 9_000;
const EXIT_CONFIG = 78;

function configOrExit(): IngestConfig {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigProblems)) throw error;
    console.error(error.message);
    process.exit(EXIT_CONFIG);
  }
}

const config = configOrExit();
const logger = createLogger({ service: 'ingest', instance: config.instanceId, level: config.logLevel });

process.on('unhandledRejection', (err) => {
  logger.fatal({ err }, 'unhandled rejection');
  process.exit(1);
});

const app = await startIngest(config, logger).catch((err: unknown) => {
  logger.fatal({ err }, 'could not start');
  process.exit(1);
});
logger.info({ url: await app.getUrl() }, 'listening');

let draining = false;
const drain = (signal: NodeJS.Signals): void => {
  if (draining) return;
  draining = true;
  logger.info({ signal }, 'draining');
  setTimeout(() => {
    logger.error({ limitMs: DRAIN_LIMIT_MS }, 'not drained in time');
    process.exit(1);
  }, DRAIN_LIMIT_MS).unref();
  app.close().then(
    () => {
      logger.info('drained');
      process.exit(0);
    },
    (err: unknown) => {
      logger.fatal({ err }, 'draining failed');
      process.exit(1);
    },
  );
};
process.on('SIGTERM', drain);
process.on('SIGINT', drain);
