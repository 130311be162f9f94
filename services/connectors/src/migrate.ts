import { migrateConnectors } from './schema.ts';

const databaseUrl = process.env.DATABASE_URL;
if (!databaseUrl) {
  console.error('DATABASE_URL is not set: postgres://user:password@host:port/database.');
  process.exit(78);
}
const { applied, before } = await migrateConnectors(databaseUrl);
console.log(`connectors: ${applied.length} migrations applied, ${before} were there.`);
