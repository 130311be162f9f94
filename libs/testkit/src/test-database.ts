import pg from 'pg';
import { uniqueName } from './unique-name.ts';

export interface TestDatabase {
  readonly name: string;
  readonly databaseUrl: string;
  /** Removes the database, open connections or not. */
  drop(): Promise<void>;
}

/**
 * A database of its own on the server of `adminUrl` (whose path does not matter): empty, or a copy of another one there, to which nobody
 * may be connected.
 */
export async function createTestDatabase(
  adminUrl: string,
  prefix = 'test',
  copied?: string,
): Promise<TestDatabase> {
  const name = uniqueName(prefix).replaceAll('-', '_');
  const template = copied === undefined ? '' : ` TEMPLATE ${pg.escapeIdentifier(copied)}`;
  await onServer(adminUrl, `CREATE DATABASE ${pg.escapeIdentifier(name)}${template}`);
  return {
    name,
    databaseUrl: withDatabase(adminUrl, name),
    drop: () => dropTestDatabase(adminUrl, name),
  };
}

export async function dropTestDatabase(adminUrl: string, name: string): Promise<void> {
  await onServer(adminUrl, `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
}

async function onServer(adminUrl: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: withDatabase(adminUrl, 'postgres') });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function withDatabase(url: string, database: string): string {
  const parsed = new URL(url);
  parsed.pathname = `/${database}`;
  return parsed.toString();
}
