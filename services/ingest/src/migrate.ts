import { migrateDirectory } from '@trackline/directory';

// Ingest has no tables of its own: what it keeps is in Redis and lapses. It runs the directory's outbox, so it brings that schema up to date.
const databaseUrl = process.env.DATABASE_URL;
if (!databaseUrl) {
  console.error('DATABASE_URL is not set: postgres://user:password@host:port/database.');
  process.exit(78);
}
const { applied, before } = await migrateDirectory(databaseUrl);
console.log(
  `ingest: no schema of its own; directory: ${applied.length} migrations applied, ${before} were there.`,
);
