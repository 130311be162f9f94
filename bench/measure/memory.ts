import { readFileSync } from 'node:fs';
import { descendantsOf, type WatchedProcess } from './cpu.ts';

/** Megabytes, by the name of the process. */
export type MemoryByProcess = Readonly<Record<string, number>>;

/**
 * The most that each has had in memory since it started. Where a process works in children (Postgres, one per connection), what all of
 * them have now, each shared page once. Empty where there is no /proc.
 */
export function peakMemory(watched: readonly WatchedProcess[]): MemoryByProcess {
  const found = watched.flatMap(({ name, pid }): [string, number][] => {
    const below = descendantsOf(pid);
    const kilobytes =
      below.length === 0
        ? field(pid, 'status', 'VmHWM')
        : [pid, ...below].reduce((sum, each) => sum + (field(each, 'smaps_rollup', 'Pss') ?? 0), 0);
    return kilobytes === undefined ? [] : [[name, kilobytes / 1_024]];
  });
  return Object.fromEntries(found);
}

/** What a process has in memory now, in megabytes; 0 where that cannot be known. */
export const memoryNow = (pid: number): number => (field(pid, 'status', 'VmRSS') ?? 0) / 1_024;

function field(pid: number, file: string, name: string): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/${file}`, 'latin1');
    const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes);
  } catch {
    // It has ended, or belongs to somebody else.
    return undefined;
  }
}
