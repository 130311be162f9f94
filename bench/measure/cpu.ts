import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Seconds of CPU time, by the name of the process. */
export type CpuByProcess = Readonly<Record<string, number>>;

export interface WatchedProcess {
  readonly name: string;
  readonly pid: number;
}

/** Linux counts in these for everybody, whatever the kernel was built with (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;

interface Stat {
  readonly parent: number;
  readonly own: number;
  /** Of children that have ended. */
  readonly ended: number;
}

/** What each has used since it started, with all its descendants: Postgres works in a process per connection. Empty where there is no /proc. */
export function cpuSeconds(watched: readonly WatchedProcess[]): CpuByProcess {
  const stats = readStats();
  if (stats.size === 0) return {};
  const ticksOf = (pid: number): number => {
    const stat = stats.get(pid);
    return stat ? stat.own + stat.ended : 0;
  };
  return Object.fromEntries(
    watched.map(({ name, pid }) => {
      const ticks = [pid, ...below(pid, stats)].reduce((sum, each) => sum + ticksOf(each), 0);
      return [name, ticks / TICKS_PER_SECOND];
    }),
  );
}

/** All that it has started and that runs, and what that has started. */
export const descendantsOf = (pid: number): number[] => below(pid, readStats());

function below(pid: number, stats: ReadonlyMap<number, Stat>): number[] {
  const children = [...stats].filter(([, { parent }]) => parent === pid).map(([child]) => child);
  return children.flatMap((child) => [child, ...below(child, stats)]);
}

/** What was used between two looks, per 1,000 events. */
export function cpuPerThousand(before: CpuByProcess, after: CpuByProcess, events: number): CpuByProcess {
  return Object.fromEntries(
    Object.entries(after).map(([name, seconds]) => [
      name,
      ((seconds - (before[name] ?? 0)) / events) * 1_000,
    ]),
  );
}

/**
 * The broker, Postgres and Redis of this run, as the stack recorded them (RUN_RECORDS names its directory). None when they were named in
 * the environment: others may use them too.
 */
export function infrastructureProcesses(env: NodeJS.ProcessEnv = process.env): WatchedProcess[] {
  const directory = env.RUN_RECORDS;
  if (!directory) return [];
  return readdirSync(directory)
    .filter((file) => ['kafka.json', 'postgres.json', 'redis.json'].includes(file))
    .map((file) => JSON.parse(readFileSync(join(directory, file), 'utf8')) as WatchedProcess);
}

function readStats(): Map<number, Stat> {
  const stats = new Map<number, Stat>();
  let entries: string[];
  try {
    entries = readdirSync('/proc');
  } catch {
    return stats;
  }
  for (const entry of entries) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const text = readFileSync(`/proc/${entry}/stat`, 'latin1');
      // The second field is the name, which may hold anything: what follows its last parenthesis is fixed (man 5 proc).
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      const [parent, user, system, endedUser, endedSystem] = [1, 11, 12, 13, 14].map((at) =>
        Number(fields[at]),
      ) as [number, number, number, number, number];
      stats.set(Number(entry), { parent, own: user + system, ended: endedUser + endedSystem });
    } catch {
      // It has ended between the two looks.
    }
  }
  return stats;
}
