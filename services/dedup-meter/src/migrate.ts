import { migrateLedger } from './adapters/postgres/schema.ts';

const databaseUrl = process.env.DATABASE_URL;
if (!databaseUrl) {
  console.error('DATABASE_URL is not set: postgres://user:password@host:port/database.');
  process.exit(78);
}
const { applied, before } = await migrateLedger(databaseUrl);
console.log(`dedup-meter: ${applied.length} migrations applied, ${before} were there.`);
