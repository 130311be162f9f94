import { systemClock } from '@trackline/kernel';
import { databaseUrlOrExit } from '@trackline/process';
import { openMaintenanceDatabase } from './adapters/postgres/maintenance-database.ts';
import { partitionInventory } from './adapters/postgres/partition-inventory.ts';
import { keepPartitions } from './pipeline/keep-partitions.ts';
import { migrateTimeline } from './adapters/postgres/schema.ts';

const databaseUrl = databaseUrlOrExit();
const { applied, before } = await migrateTimeline(databaseUrl);
const database = openMaintenanceDatabase(databaseUrl, 'migrate timeline');
try {
  const { made } = await keepPartitions(partitionInventory(database), systemClock.now());
  console.log(
    `timeline: ${applied.length} migrations applied, ${before} were there; ${made.length} partitions made.`,
  );
} finally {
  await database.close();
}
