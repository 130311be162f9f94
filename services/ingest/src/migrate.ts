import { migrateDirectory } from '@trackline/directory';
import { migrateIngest } from './adapters/postgres/schema.ts';

// Ingest runs the directory's outbox, so it brings that schema up to date along with its own.
const databaseUrl = process.env.DATABASE_URL;
if (!databaseUrl) {
  console.error('DATABASE_URL is not set: postgres://user:password@host:port/database.');
  process.exit(78);
}
for (const { schema, applied, before } of [
  await migrateDirectory(databaseUrl),
  await migrateIngest(databaseUrl),
])
  console.log(`${schema}: ${applied.length} migrations applied, ${before} were there.`);
