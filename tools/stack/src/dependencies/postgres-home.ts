import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Fault } from '../fault.ts';
import type { Places } from '../places.ts';

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface PostgresHome {
  /** Holds bin/, lib/ and share/. */
  readonly installation: string;
  readonly data: string;
  /** Postgres refuses to run as root; undefined: as whoever we are. */
  readonly user: User | undefined;
}

/**
 * Where Postgres' programs and data are. As root it runs as an unprivileged user, who may not be able to reach a checkout below a
 * closed directory (/root): then the data, and if needed a copy of the programs, live in a directory of ours that it can reach.
 */
export function postgresHome(places: Places, packaged: string): PostgresHome {
  const user = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  mkdirSync(places.data, { recursive: true });
  if (!user) return { installation: packaged, data: join(places.data, 'postgres'), user };
  const below = canReach(user, places.data) ? places.data : ownDirectory(places.elsewhere);
  const data = join(below, 'postgres');
  return { installation: canReach(user, packaged) ? packaged : copyOf(packaged, places), data, user };
}

export function makeEmptyData({ data, user }: PostgresHome): void {
  rmSync(data, { recursive: true, force: true });
  mkdirSync(data, { mode: 0o700 });
  if (user) chownSync(data, user.uid, user.gid);
}

/** `postgres` where the machine has one, else the user of those who own nothing; neither has to be created. */
function unprivilegedUser(): User {
  for (const name of ['postgres', 'nobody']) {
    const uid = idOf('-u', name);
    const gid = idOf('-g', name);
    if (uid !== undefined && gid !== undefined) return { name, uid, gid };
  }
  throw new Fault(
    'Postgres does not run as root, and there is no user "postgres" or "nobody" that it could run as.',
    'Create one with: useradd --system postgres\nor start Trackline as an ordinary user.',
  );
}

function idOf(kind: '-u' | '-g', name: string): number | undefined {
  const { status, stdout } = spawnSync('id', [kind, name], { encoding: 'utf8' });
  return status === 0 ? Number(stdout) : undefined;
}

/** Whether that user can enter the directory: asked of the kernel, since modes, owners, groups and ACLs all have a say. */
function canReach(user: User, directory: string): boolean {
  const { status } = spawnSync('/bin/sh', ['-c', 'cd "$1" && test -x .', 'sh', directory], {
    cwd: '/',
    uid: user.uid,
    gid: user.gid,
    stdio: 'ignore',
  });
  return status === 0;
}

/** In a place where everybody may write, somebody else's directory of that name is not trusted. */
function ownDirectory(directory: string): string {
  mkdirSync(directory, { recursive: true });
  const found = lstatSync(directory);
  if (!found.isDirectory() || found.uid !== process.getuid!()) {
    throw new Fault(
      `${directory} belongs to somebody else.`,
      `Look into it, and remove it: rm -r ${directory}`,
    );
  }
  chmodSync(directory, 0o711);
  return directory;
}

function copyOf(packaged: string, places: Places): string {
  const copy = join(ownDirectory(places.elsewhere), 'postgres-programs');
  if (!existsSync(join(copy, 'bin/postgres'))) {
    mkdirSync(dirname(copy), { recursive: true });
    cpSync(packaged, copy, { recursive: true, verbatimSymlinks: true });
  }
  return copy;
}
