import { databaseUrlOrExit } from '@trackline/process';
import { migrateLedger } from './adapters/postgres/schema.ts';

const databaseUrl = databaseUrlOrExit();
const { applied, before } = await migrateLedger(databaseUrl);
console.log(`dedup-meter: ${applied.length} migrations applied, ${before} were there.`);
