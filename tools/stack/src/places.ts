import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where a stack keeps its things. Two stacks never share a home. */
export interface Places {
  /** The checkout. */
  readonly root: string;
  /** `.trackline` for `npm start`, a directory below it for a test run. */
  readonly home: string;
  readonly logs: string;
  /** One file per process that we started: what a later start needs in order to find an orphan. */
  readonly run: string;
  readonly data: string;
  readonly lockFile: string;
  readonly stackFile: string;
  readonly portsFile: string;
  readonly demonstrationFile: string;
  /** Home of the parts that run as another user, when that user cannot reach `home` (a checkout below /root). */
  readonly elsewhere: string;
  /** Downloads, shared by all checkouts of this user. */
  readonly cache: string;
}

export function placesOf(
  root: string,
  home = process.env.TRACKLINE_HOME || join(root, '.trackline'),
): Places {
  return {
    root,
    home,
    logs: join(home, 'logs'),
    run: join(home, 'run'),
    data: join(home, 'data'),
    lockFile: join(home, 'lock.json'),
    stackFile: join(home, 'stack.json'),
    portsFile: join(home, 'ports.json'),
    demonstrationFile: join(home, 'demonstration.json'),
    elsewhere: join(
      lastingTemporary(),
      `trackline-${createHash('sha256').update(home).digest('hex').slice(0, 12)}`,
    ),
    cache:
      process.env.TRACKLINE_CACHE ||
      join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'trackline'),
  };
}

/** /var/tmp outlives a reboot, /tmp often does not. */
function lastingTemporary(): string {
  return existsSync('/var/tmp') ? '/var/tmp' : tmpdir();
}
