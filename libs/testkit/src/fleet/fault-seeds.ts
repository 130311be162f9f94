import { randomInt } from 'node:crypto';

export interface FaultSeeds {
  readonly seeds: readonly number[];
  /** The long form is wanted: hundreds of faults instead of a few of each. */
  readonly isLong: boolean;
}

const MOST_SEEDS = 1_000_000;

/**
 * With which seeds a fault test runs: the fixed ones that it names; `FAULT_SEED=7` replays one; `FAULT_SEEDS=20` takes so many random
 * ones. What is random is printed. With `SOAK_MINUTES` (set by `npm run test:soak`, which counts the minutes) each run takes its long form.
 */
export function faultSeeds(
  shortDefault: readonly number[],
  env: NodeJS.ProcessEnv = process.env,
): FaultSeeds {
  const isLong = wanted('SOAK_MINUTES', env) !== undefined;
  const replayed = wanted('FAULT_SEED', env);
  if (replayed !== undefined) return { seeds: [replayed], isLong };
  const many = wanted('FAULT_SEEDS', env) ?? (isLong ? 1 : undefined);
  if (many === undefined) return { seeds: shortDefault, isLong };
  const seeds = Array.from({ length: many }, () => randomInt(1, MOST_SEEDS));
  process.stdout.write(`Seeds of this run: ${seeds.join(', ')} (replay one with FAULT_SEED=<seed>)\n`);
  return { seeds, isLong };
}

function wanted(name: string, env: NodeJS.ProcessEnv): number | undefined {
  const text = env[name];
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`${name} is "${text}": a whole number from 1 on is needed.`);
  return value;
}
