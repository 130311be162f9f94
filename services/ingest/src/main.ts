import { runService } from '@trackline/process';
import { loadConfig } from './config.ts';
import { startIngest } from './start.ts';

runService({
  service: 'ingest',
  loadConfig,
  start: async (config, logger) => {
    const app = await startIngest(config, logger);
    return { stop: () => app.close() };
  },
});
