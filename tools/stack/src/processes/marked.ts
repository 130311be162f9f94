import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isRunning, type ProcessIdentity } from './identity.ts';

/**
 * In the environment of everything that a lane starts, and so of everything that this starts in its turn. Tests start services, brokers
 * and whole stacks, many of them in sessions of their own: neither a parent nor a process group knows them all, their environment does.
 */
export const MARK = 'TRACKLINE_TEST_RUN';

const LOOK_EVERY_MS = 50;
const KILLED_WITHIN_MS = 2_000;
/** Who is ended may start something in its last moment. */
const ROUNDS = 3;

/** Every process with this mark but ourselves, as far as this user may look. */
export function marked(mark: string): ProcessIdentity[] {
  const text = `${MARK}=${mark}`;
  const pids = process.platform === 'linux' ? markedOnLinux(text) : markedElsewhere(text);
  return pids
    .filter((pid) => pid !== process.pid)
    .map((pid) => identify(pid))
    .filter((identity) => identity !== undefined);
}

/** Ends them all: SIGTERM, also to those that were paused, then SIGKILL. Returns how many there were. */
export async function endMarked(mark: string, graceMs: number): Promise<number> {
  const ended = new Set<number>();
  for (let round = 1; round <= ROUNDS; round += 1) {
    const found = marked(mark);
    if (found.length === 0) break;
    for (const identity of found) {
      ended.add(identity.pid);
      signal(identity, 'SIGTERM');
      signal(identity, 'SIGCONT');
    }
    if (await gone(found, graceMs)) continue;
    for (const identity of found) signal(identity, 'SIGKILL');
    await gone(found, KILLED_WITHIN_MS);
  }
  return ended.size;
}

function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (!isRunning(identity)) return;
  try {
    process.kill(identity.pid, name);
  } catch {
    // It went in this moment.
  }
}

async function gone(identities: readonly ProcessIdentity[], withinMs: number): Promise<boolean> {
  const deadlineMs = Date.now() + withinMs;
  while (identities.some(isRunning)) {
    if (Date.now() > deadlineMs) return false;
    await sleep(LOOK_EVERY_MS);
  }
  return true;
}

/** proc_pid_environ(5): the variables as they were at the start, each ended by a NUL. Those of others cannot be read. */
function markedOnLinux(text: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const environment = `\0${readFileSync(`/proc/${name}/environ`, 'latin1')}`;
      return environment.includes(`\0${text}\0`) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

function markedElsewhere(text: string): number[] {
  const { stdout } = spawnSync('ps', ['-axww', '-E', '-o', 'pid=,command='], { encoding: 'utf8' });
  return (stdout ?? '')
    .split('\n')
    .filter((line) => `${line} `.includes(` ${text} `))
    .map((line) => Number.parseInt(line, 10));
}
