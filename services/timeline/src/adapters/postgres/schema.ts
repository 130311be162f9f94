import {
  migrate,
  pendingMigrations,
  type MigrateResult,
  type Migration,
  type Queryable,
} from '@trackline/postgres';
import { Attribution1764010000000 } from './migrations/attribution-1764010000000.ts';
import { CreateTimeline1763640000000 } from './migrations/create-timeline-1763640000000.ts';
import { FactsByAge1764020000000 } from './migrations/facts-by-age-1764020000000.ts';

const SCHEMA = 'timeline';
const MIGRATIONS: readonly Migration[] = [
  CreateTimeline1763640000000,
  Attribution1764010000000,
  FactsByAge1764020000000,
];

/** Brings the schema `timeline` up to date. Safe to run from several processes at once. */
export const migrateTimeline = (databaseUrl: string): Promise<MigrateResult> =>
  migrate({ databaseUrl, schema: SCHEMA, migrations: MIGRATIONS });

/** Names of the migrations that are missing. */
export const pendingTimelineMigrations = (database: Queryable): Promise<string[]> =>
  pendingMigrations(database, { schema: SCHEMA, migrations: MIGRATIONS });
