import { performance } from 'node:perf_hooks';
import type { Cost } from '../scenario.ts';
import { cpuPerThousand, cpuSeconds, infrastructureProcesses, type WatchedProcess } from './cpu.ts';
import type { CpuByProcess } from './cpu.ts';
import { peakMemory, type MemoryByProcess } from './memory.ts';
import { redisBytes } from './redis-bytes.ts';
import { median, medians } from './statistics.ts';

/** What a round has cost. */
export interface RoundCost {
  /** Seconds per 1,000 events. */
  readonly cpu: CpuByProcess;
  readonly memory: MemoryByProcess;
  /** Of all that is watched, while it was measured: as many as the machine has mean that the processor is what there is too little of. */
  readonly busyCores: number;
  /** What Redis holds more, per event. Absent where others use it too. */
  readonly redisBytes?: number;
}

/** Tells, when so many events are through, what they have cost since it was begun. */
export type CostMeter = (events: number) => Promise<RoundCost>;

/** Begins to measure. */
export async function beginCost(watched: readonly WatchedProcess[]): Promise<CostMeter> {
  const bytesBefore = await ownRedisBytes();
  const cpuBefore = cpuSeconds(watched);
  const beganMs = performance.now();
  return async (events) => {
    const cpuAfter = cpuSeconds(watched);
    const seconds = (performance.now() - beganMs) / 1_000;
    const cpu = cpuPerThousand(cpuBefore, cpuAfter, events);
    const bytesAfter = await ownRedisBytes();
    return {
      cpu,
      memory: peakMemory(watched),
      busyCores: (totalOf(cpu) * events) / 1_000 / seconds,
      ...(bytesBefore !== undefined &&
        bytesAfter !== undefined && { redisBytes: (bytesAfter - bytesBefore) / events }),
    };
  };
}

/** Of all processes together. */
export const totalOf = (cpu: CpuByProcess): number =>
  Object.values(cpu).reduce((sum, seconds) => sum + seconds, 0);

/** Of all rounds of a side: the median of CPU and Redis, the most of memory. */
export function costOf(side: string, rounds: readonly { readonly cost: RoundCost }[]): Cost {
  const costs = rounds.map(({ cost }) => cost);
  const memory: Record<string, number> = {};
  for (const cost of costs)
    for (const [name, megabytes] of Object.entries(cost.memory))
      memory[name] = Math.max(memory[name] ?? 0, megabytes);
  const bytes = costs.flatMap((cost) => cost.redisBytes ?? []);
  return {
    side,
    cpu: medians(costs.map(({ cpu }) => cpu)),
    memory,
    busyCores: median(costs.map(({ busyCores }) => busyCores)),
    ...(bytes.length > 0 && { redisBytes: median(bytes) }),
  };
}

async function ownRedisBytes(): Promise<number | undefined> {
  return infrastructureProcesses().length === 0 ? undefined : redisBytes();
}
