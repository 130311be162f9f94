import type { CpuByProcess } from './measure/cpu.ts';
import type { MemoryByProcess } from './measure/memory.ts';

export type Bound = { readonly atLeast: number } | { readonly atMost: number };

/** One number of the product, beside the number of a baseline taken in the same run where there is one. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  readonly baseline?: number;
  /** Ours divided by the baseline. */
  readonly ratio?: number;
  /** What is kept to: by the ratio, or by the figure itself where the machine was said with it. Absent: for orientation. */
  readonly promised?: { readonly of: 'ratio' | 'figure' } & Bound;
}

/** What one side cost, by process. */
export interface Cost {
  readonly side: string;
  /** Seconds per 1,000 events. */
  readonly cpu: CpuByProcess;
  /** Megabytes, the most of all rounds. */
  readonly memory: MemoryByProcess;
  /** Of all processes together, while they were measured. */
  readonly busyCores: number;
  /** What Redis holds more, in bytes per event; absent where others use it too. */
  readonly redisBytes?: number;
}

export interface ScenarioResult {
  readonly figures: readonly Figure[];
  readonly costs: readonly Cost[];
  /** Each measured round, as it was: the medians above are made of these. */
  readonly rounds: readonly unknown[];
  /** What was counted afterwards and found right. A count that is wrong throws. */
  readonly exact: readonly string[];
  /** What the figures do not say by themselves. */
  readonly notes?: readonly string[];
}

export interface ScenarioSettings {
  readonly rounds: number;
  /** Events of a round; absent: the scenario's own number. */
  readonly events?: number | undefined;
  /** All sides, and as long as was promised: with `--all`, or when the scenario is asked for by name. Else what a promise needs. */
  readonly isWhole: boolean;
  say(text: string): void;
}

export interface Scenario {
  readonly name: string;
  /** One line for the reader of the table. */
  readonly says: string;
  /** Runs with `--all`, or when it is asked for by name. */
  readonly isLong?: boolean;
  run(settings: ScenarioSettings): Promise<ScenarioResult>;
}

/** A figure beside that of a baseline. */
export function compared(
  name: string,
  unit: string,
  { ours, baseline }: { readonly ours: number; readonly baseline: number },
  promised?: Bound,
): Figure {
  return {
    ...{ name, unit, ours, baseline, ratio: ours / baseline },
    ...(promised && { promised: { of: 'ratio' as const, ...promised } }),
  };
}

/** A figure that stands for itself. */
export const alone = (name: string, unit: string, ours: number, promised?: Bound): Figure => ({
  ...{ name, unit, ours },
  ...(promised && { promised: { of: 'figure' as const, ...promised } }),
});

/** Throws when a bench has measured something that did not happen as it should. */
export function assertCount(what: string, found: number, expected: number): string {
  if (found !== expected) throw new Error(`${what}: ${found}, and ${expected} were expected.`);
  return `${what}: ${found}`;
}
