import { migrateDirectory } from '@trackline/directory';
import { databaseUrlOrExit } from '@trackline/process';
import { migrateIngest } from './adapters/postgres/schema.ts';

// Ingest runs the directory's outbox, so it brings that schema up to date along with its own.
const databaseUrl = databaseUrlOrExit();
for (const { schema, applied, before } of [
  await migrateDirectory(databaseUrl),
  await migrateIngest(databaseUrl),
])
  console.log(`${schema}: ${applied.length} migrations applied, ${before} were there.`);
