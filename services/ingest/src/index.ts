export { loadConfig, type IngestConfig } from './config.ts';
export { migrateIngest } from './adapters/postgres/schema.ts';
export { startIngest } from './start.ts';
