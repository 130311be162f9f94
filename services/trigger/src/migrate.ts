import { databaseUrlOrExit } from '@trackline/process';
import { migrateTrigger } from './schema.ts';

const databaseUrl = databaseUrlOrExit();
const { applied, before } = await migrateTrigger(databaseUrl);
console.log(`trigger: ${applied.length} migrations applied, ${before} were there.`);
