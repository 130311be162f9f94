import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { MigrationInterface } from 'typeorm';
import type { Queryable } from './database.ts';

/** A class whose name ends in 13 digits (a millisecond timestamp): TypeORM applies them in that order, each in its own transaction. */
export type Migration = new () => MigrationInterface;

export interface MigrateSettings {
  readonly databaseUrl: string;
  /** Made when it is not there. The table of applied migrations, `<schema>.migrations`, lives in it. */
  readonly schema: string;
  readonly migrations: readonly Migration[];
  /** How long to wait while another process migrates this schema. */
  readonly lockTimeoutMs?: number;
}

export interface MigrateResult {
  readonly schema: string;
  /** Names of those applied now, in order. */
  readonly applied: readonly string[];
  /** How many there were already. */
  readonly before: number;
}

const DEFAULT_LOCK_TIMEOUT_MS = 60_000;
const LOCK_POLL_MS = 200;
const MIGRATIONS_TABLE = 'migrations';

/** Brings one schema up to date. Any number of processes may call it at once: one works, the others find it done. */
export async function migrate({
  databaseUrl,
  schema,
  migrations,
  lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS,
}: MigrateSettings): Promise<MigrateResult> {
  refuseBadNames(schema, migrations);
  const session = new pg.Client({ connectionString: databaseUrl, application_name: `migrate ${schema}` });
  await session.connect();
  try {
    await lock(session, schema, lockTimeoutMs);
    await session.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    return await apply(databaseUrl, schema, migrations);
  } finally {
    // Ending the session gives the advisory lock back.
    await session.end();
  }
}

/** Names of the migrations that have not been applied yet. Services check with it at their start; they never migrate. */
export async function pendingMigrations(
  database: Queryable,
  { schema, migrations }: Pick<MigrateSettings, 'schema' | 'migrations'>,
): Promise<string[]> {
  refuseBadNames(schema, migrations);
  const table = `${schema}.${MIGRATIONS_TABLE}`;
  const { rows: found } = await database.query<{ exists: boolean }>({
    text: 'SELECT to_regclass($1) IS NOT NULL AS exists',
    values: [table],
  });
  const names = migrations.map((migration) => migration.name);
  if (!found[0]?.exists) return names;
  const { rows } = await database.query<{ name: string }>({ text: `SELECT name FROM ${table}` });
  const applied = new Set(rows.map((row) => row.name));
  return names.filter((name) => !applied.has(name));
}

/**
 * For the start of a service. By owner, how to ask what is missing of the owner's schema:
 * `refuseUnmigrated(database, { directory: pendingDirectoryMigrations, … })`. Throws when anything is.
 */
export async function refuseUnmigrated(
  database: Queryable,
  pendingOf: Readonly<Record<string, (database: Queryable) => Promise<readonly string[]>>>,
): Promise<void> {
  const missing: string[] = [];
  for (const pending of Object.values(pendingOf)) missing.push(...(await pending(database)));
  if (missing.length === 0) return;
  const owners = Object.keys(pendingOf).join(' and ');
  throw new Error(`The database lacks ${missing.join(', ')}: run the migrations of ${owners} first.`);
}

async function apply(
  databaseUrl: string,
  schema: string,
  migrations: readonly Migration[],
): Promise<MigrateResult> {
  // Only those who migrate need it, and it takes some 20 MB: services do not load it.
  const { DataSource } = await import('typeorm');
  const source = new DataSource({
    type: 'postgres',
    url: databaseUrl,
    schema,
    applicationName: `migrate ${schema}`,
    migrations: [...migrations],
    migrationsTableName: MIGRATIONS_TABLE,
    migrationsTransactionMode: 'each',
    // TypeORM would otherwise try to install uuid-ossp, which takes rights that nothing here needs.
    installExtensions: false,
    logging: false,
  });
  await source.initialize();
  try {
    const applied = (await source.runMigrations()).map((migration) => migration.name);
    return { schema, applied, before: migrations.length - applied.length };
  } finally {
    await source.destroy();
  }
}

/**
 * Polled, not waited for: a session that waits inside `pg_advisory_lock` holds a snapshot, and a CREATE INDEX CONCURRENTLY
 * of the one that has the lock would wait for that snapshot for ever.
 */
async function lock(session: pg.Client, schema: string, timeoutMs: number): Promise<void> {
  const giveUpAt = Date.now() + timeoutMs;
  for (;;) {
    const { rows } = await session.query<{ locked: boolean }>(
      'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS locked',
      [`migrate:${schema}`],
    );
    if (rows[0]?.locked) return;
    if (Date.now() >= giveUpAt) {
      throw new Error(
        `Another process has been migrating the schema "${schema}" for ${timeoutMs} ms. Wait for it, or end its session (pg_stat_activity: "migrate ${schema}").`,
      );
    }
    await delay(LOCK_POLL_MS);
  }
}

function refuseBadNames(schema: string, migrations: readonly Migration[]): void {
  if (!/^[a-z][a-z0-9_]*$/.test(schema)) throw new Error(`"${schema}" is not a schema name in lower_snake.`);
  for (const { name } of migrations) {
    if (!/\d{13}$/.test(name)) throw new Error(`The migration "${name}" must end in a 13-digit timestamp.`);
  }
}
