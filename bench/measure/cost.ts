import type { Cost } from '../scenario.ts';
import { cpuPerThousand, cpuSeconds, type CpuByProcess, type WatchedProcess } from './cpu.ts';
import { peakMemory, type MemoryByProcess } from './memory.ts';
import { medians } from './statistics.ts';

/** What processes have used so far. */
export interface Look {
  readonly cpu: CpuByProcess;
  readonly memory: MemoryByProcess;
}

/** What a round has cost. */
export interface RoundCost {
  /** Seconds per 1,000 events. */
  readonly cpu: CpuByProcess;
  readonly memory: MemoryByProcess;
}

export const lookAt = (watched: readonly WatchedProcess[]): Look => ({
  cpu: cpuSeconds(watched),
  memory: peakMemory(watched),
});

export const between = (before: Look, after: Look, events: number): RoundCost => ({
  cpu: cpuPerThousand(before.cpu, after.cpu, events),
  memory: after.memory,
});

/** Of all rounds of a side: the median of CPU, the most of memory. */
export function costOf(side: string, rounds: readonly { readonly cost: RoundCost }[]): Cost {
  const memory: Record<string, number> = {};
  for (const { cost } of rounds)
    for (const [name, megabytes] of Object.entries(cost.memory))
      memory[name] = Math.max(memory[name] ?? 0, megabytes);
  return { side, cpu: medians(rounds.map(({ cost }) => cost.cpu)), memory };
}
