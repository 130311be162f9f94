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

/**
 * Every process with this mark but ourselves; what these have started; and what is in a session of theirs, or in one that is named. The last two
 * because a Redis and a Postgres write their titles over their environment.
 */
export function marked(mark: string, sessions: readonly ProcessIdentity[] = []): ProcessIdentity[] {
  const table = processTable(`${MARK}=${mark}`);
  const ours = new Set(table.filter(({ isMarked }) => isMarked).map(({ pid }) => pid));
  const oursBySession = new Set(table.filter(({ isMarked }) => isMarked).map(({ session }) => session));
  for (const leader of sessions) {
    // Somebody else may have that number now, and a session of his own.
    const now = identify(leader.pid);
    if (now === undefined || now.began === leader.began) oursBySession.add(leader.pid);
  }
  // That of a session led from outside of this container: everybody's.
  oursBySession.delete(0);
  for (let before = -1; before < ours.size;) {
    before = ours.size;
    for (const { pid, parent, session } of table)
      if (ours.has(parent) || oursBySession.has(session)) ours.add(pid);
  }
  ours.delete(process.pid);
  return [...ours].map((pid) => identify(pid)).filter((identity) => identity !== undefined);
}

/** Ends them all: SIGTERM, also to those that were paused, then SIGKILL. Returns how many there were. */
export async function endMarked(
  mark: string,
  graceMs: number,
  sessions: readonly ProcessIdentity[] = [],
): Promise<number> {
  const ended = new Set<number>();
  for (let round = 1; round <= ROUNDS; round += 1) {
    const found = marked(mark, sessions);
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

interface TableRow {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  readonly isMarked: boolean;
}

function processTable(text: string): TableRow[] {
  return process.platform === 'linux' ? tableOnLinux(text) : tableElsewhere(text);
}

/**
 * proc_pid_environ(5): the variables as they were at the start, each ended by a NUL; those of others cannot be read.
 * proc_pid_stat(5): after the command in parentheses come state, parent, group and session.
 */
function tableOnLinux(text: string): TableRow[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const [, parent, , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const row = { pid: Number(name), parent: Number(parent), session: Number(session) };
      return [{ ...row, isMarked: hasInEnvironment(name, text) }];
    } catch {
      return [];
    }
  });
}

function hasInEnvironment(pid: string, text: string): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`.includes(`\0${text}\0`);
  } catch {
    return false;
  }
}

/** Sessions are not told here. */
function tableElsewhere(text: string): TableRow[] {
  const { stdout } = spawnSync('ps', ['-axww', '-E', '-o', 'pid=,ppid=,command='], { encoding: 'utf8' });
  return (stdout ?? '').split('\n').flatMap((line) => {
    const [pid, parent] = line.trim().split(/\s+/).map(Number);
    if (!pid) return [];
    return [{ pid, parent: parent ?? 0, session: -1, isMarked: `${line} `.includes(` ${text} `) }];
  });
}
