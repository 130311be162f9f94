export { loadConfig, type IngestConfig } from './config.ts';
export { migrateIngest } from './adapters/postgres/schema.ts';
export { replay } from './replay.ts';
export { startIngest } from './start.ts';
