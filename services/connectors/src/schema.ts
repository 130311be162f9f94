import {
  migrate,
  pendingMigrations,
  type MigrateResult,
  type Migration,
  type Queryable,
} from '@trackline/postgres';
import { Conversions1764400000000 } from './adapters/postgres/migrations/conversions-1764400000000.ts';
import { ContactLines1764600000000 } from './adapters/postgres/migrations/contact-lines-1764600000000.ts';
import { CreateConnectors1764000000000 } from './adapters/postgres/migrations/create-connectors-1764000000000.ts';
import { LinesInOrder1764700000000 } from './adapters/postgres/migrations/lines-in-order-1764700000000.ts';

const schema = 'connectors';
const migrations: readonly Migration[] = [
  CreateConnectors1764000000000,
  Conversions1764400000000,
  ContactLines1764600000000,
  LinesInOrder1764700000000,
];

/** Brings the schema `connectors` up to date. Idempotent; safe to run from several processes at once. */
export const migrateConnectors = (databaseUrl: string): Promise<MigrateResult> =>
  migrate({ databaseUrl, schema, migrations });

/** Names of the migrations that are missing. The service does not start while there are any. */
export const pendingConnectorsMigrations = (database: Queryable): Promise<string[]> =>
  pendingMigrations(database, { schema, migrations });
