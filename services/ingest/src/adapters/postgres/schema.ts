import {
  migrate,
  pendingMigrations,
  type MigrateResult,
  type Migration,
  type Queryable,
} from '@trackline/postgres';
import { CreateIngest1764200000000 } from './migrations/create-ingest-1764200000000.ts';

const SCHEMA = 'ingest';
const MIGRATIONS: readonly Migration[] = [CreateIngest1764200000000];

/** Brings the schema `ingest` up to date. Safe to run from several processes at once. */
export const migrateIngest = (databaseUrl: string): Promise<MigrateResult> =>
  migrate({ databaseUrl, schema: SCHEMA, migrations: MIGRATIONS });

/** Names of the migrations that are missing. */
export const pendingIngestMigrations = (database: Queryable): Promise<string[]> =>
  pendingMigrations(database, { schema: SCHEMA, migrations: MIGRATIONS });
