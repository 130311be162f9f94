import {
  migrate,
  pendingMigrations,
  type MigrateResult,
  type Migration,
  type Queryable,
} from '@trackline/postgres';
import { Channels1764200000000 } from './migrations/channels-1764200000000.ts';
import { Connectors1764000000000 } from './migrations/connectors-1764000000000.ts';
import { ConversionFeedback1764400000000 } from './migrations/conversion-feedback-1764400000000.ts';
import { CreateDirectory1763600000000 } from './migrations/create-directory-1763600000000.ts';
import { Subscriptions1764100000000 } from './migrations/subscriptions-1764100000000.ts';

const SCHEMA = 'directory';
const MIGRATIONS: readonly Migration[] = [
  CreateDirectory1763600000000,
  Connectors1764000000000,
  Subscriptions1764100000000,
  Channels1764200000000,
  ConversionFeedback1764400000000,
];

/** Brings the schema `directory` up to date. Idempotent; safe to run from several processes at once. */
export const migrateDirectory = (databaseUrl: string): Promise<MigrateResult> =>
  migrate({ databaseUrl, schema: SCHEMA, migrations: MIGRATIONS });

/** Names of the migrations that are missing. A service that finds any says so and does not start. */
export const pendingDirectoryMigrations = (database: Queryable): Promise<string[]> =>
  pendingMigrations(database, { schema: SCHEMA, migrations: MIGRATIONS });
