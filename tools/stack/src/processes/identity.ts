import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process and no later one that happens to get its number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it began, in whatever form this system tells; compared, never read. */
  readonly began: string;
}

/** Who has this number now; undefined when nobody has, or only a corpse. */
export function identify(pid: number): ProcessIdentity | undefined {
  if (pid <= 0) return undefined;
  const began = process.platform === 'linux' ? beganOnLinux(pid) : beganElsewhere(pid);
  return began === undefined ? undefined : { pid, began };
}

export function isRunning(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.began === identity.began;
}

/** proc_pid_stat(5): after the command in parentheses come the state and, 19 fields on, the start in ticks since boot. */
function beganOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${bootId()}:${fields[19]}`;
  } catch {
    return undefined;
  }
}

let knownBootId: string | undefined;
function bootId(): string {
  knownBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
  return knownBootId;
}

function beganElsewhere(pid: number): string | undefined {
  const { stdout, status } = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
    encoding: 'utf8',
  });
  const found = stdout?.trim();
  if (status !== 0 || !found || found.startsWith('Z')) return undefined;
  return found.replace(/^\S+\s+/, '');
}
