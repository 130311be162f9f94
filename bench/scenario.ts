import type { CpuByProcess } from './measure/cpu.ts';

/** One number of the product beside the number of its baseline, taken in the same run. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  readonly baseline: number;
  /** Ours divided by the baseline. */
  readonly ratio: number;
  /** What the ratio must keep to; absent: for orientation. */
  readonly expected?: { readonly atLeast: number } | { readonly atMost: number };
}

/** What one side cost: CPU seconds per 1,000 events, by process. */
export interface Cost {
  readonly side: string;
  readonly cpu: CpuByProcess;
}

export interface ScenarioResult {
  readonly figures: readonly Figure[];
  readonly costs: readonly Cost[];
  /** Each measured round, as it was: the medians above are made of these. */
  readonly rounds: readonly unknown[];
  /** What was counted afterwards and found right. A count that is wrong throws. */
  readonly exact: readonly string[];
}

export interface ScenarioSettings {
  readonly rounds: number;
  /** Events of a round; absent: the scenario's own number. */
  readonly events?: number | undefined;
  say(text: string): void;
}

export interface Scenario {
  readonly name: string;
  /** One line for the reader of the table. */
  readonly says: string;
  run(settings: ScenarioSettings): Promise<ScenarioResult>;
}

/** Throws when a bench has measured something that did not happen as it should. */
export function assertCount(what: string, found: number, expected: number): string {
  if (found !== expected) throw new Error(`${what}: ${found}, and ${expected} were expected.`);
  return `${what}: ${found}`;
}
