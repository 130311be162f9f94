import { createLogger } from '@trackline/observability';
import { ConfigProblems, loadConfig, type ConnectorsConfig } from './config.ts';
import { startConnectors } from './start-connectors.ts';

/** sysexits.h: EX_CONFIG. */
const EXIT_CONFIG = 78;
const DRAIN_LIMIT_MS = 9_000;

function configOrExit(): ConnectorsConfig {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigProblems)) throw error;
    console.error(error.message);
    process.exit(EXIT_CONFIG);
  }
}

const config = configOrExit();
const logger = createLogger({ service: 'connectors', instance: config.instanceId, level: config.logLevel });

for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
  process.on(event, (err: unknown) => {
    logger.fatal({ err }, event);
    process.exit(1);
  });
}

const starting = startConnectors(config, logger);
let draining = false;
const drain = (signal: NodeJS.Signals): void => {
  if (draining) return;
  draining = true;
  logger.info({ signal }, 'draining');
  setTimeout(() => {
    logger.error('not drained in time: what was not finished comes again');
    process.exit(1);
  }, DRAIN_LIMIT_MS).unref();
  starting
    .then((connectors) => connectors.stop())
    .then(
      () => process.exit(0),
      (err: unknown) => {
        logger.error({ err }, 'draining failed');
        process.exit(1);
      },
    );
};
process.on('SIGTERM', drain);
process.on('SIGINT', drain);

starting.catch((err: unknown) => {
  if (draining) return;
  logger.fatal({ err }, 'connectors did not start');
  process.exit(1);
});
