import { runService } from '@trackline/process';
import { loadConfig } from './config.ts';
import { startIngest } from './start.ts';

runService({
  service: 'ingest',
  loadConfig,
  start: async (config, logger) => {
    const app = await startIngest(config, logger);
    logger.info({ url: await app.getUrl() }, 'listening');
    return { stop: () => app.close() };
  },
});
