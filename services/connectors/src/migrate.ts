import { databaseUrlOrExit } from '@trackline/process';
import { migrateConnectors } from './schema.ts';

const databaseUrl = databaseUrlOrExit();
const { applied, before } = await migrateConnectors(databaseUrl);
console.log(`connectors: ${applied.length} migrations applied, ${before} were there.`);
