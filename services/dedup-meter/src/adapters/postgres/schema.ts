import {
  migrate,
  pendingMigrations,
  type MigrateResult,
  type Migration,
  type Queryable,
} from '@trackline/postgres';
import { CreateLedger1763700000000 } from './migrations/create-ledger-1763700000000.ts';
import { LedgerFunctions1763700000001 } from './migrations/ledger-functions-1763700000001.ts';
import { SourceMark1763700000003 } from './migrations/source-mark-1763700000003.ts';
import { Sweep1763700000002 } from './migrations/sweep-1763700000002.ts';

const SCHEMA = 'dedup_meter';
const MIGRATIONS: readonly Migration[] = [
  CreateLedger1763700000000,
  LedgerFunctions1763700000001,
  Sweep1763700000002,
  SourceMark1763700000003,
];

/** Brings the schema `dedup_meter` up to date. Idempotent; safe to run from several processes at once. */
export const migrateLedger = (databaseUrl: string): Promise<MigrateResult> =>
  migrate({ databaseUrl, schema: SCHEMA, migrations: MIGRATIONS });

/** Names of the migrations that are missing. The service does not start with any. */
export const pendingLedgerMigrations = (database: Queryable): Promise<string[]> =>
  pendingMigrations(database, { schema: SCHEMA, migrations: MIGRATIONS });
