import { randomInt } from 'node:crypto';

export interface FaultSeeds {
  readonly seeds: readonly number[];
  /** How long a soak may go on; undefined: the short run, whose seeds are fixed. */
  readonly soakMinutes: number | undefined;
}

const MOST_SEEDS = 1_000_000;

/**
 * With which seeds a fault test runs: the fixed ones that it names; `FAULT_SEED=7` replays one; `FAULT_SEEDS=20` takes so many random
 * ones; `SOAK_MINUTES=30` goes on with one random one, and the test decides how long that is. What is random is printed.
 */
export function faultSeeds(
  shortDefault: readonly number[],
  env: NodeJS.ProcessEnv = process.env,
): FaultSeeds {
  const soakMinutes = wanted('SOAK_MINUTES', env);
  const replayed = wanted('FAULT_SEED', env);
  if (replayed !== undefined) return { seeds: [replayed], soakMinutes };
  const many = wanted('FAULT_SEEDS', env) ?? (soakMinutes === undefined ? undefined : 1);
  if (many === undefined) return { seeds: shortDefault, soakMinutes };
  const seeds = Array.from({ length: many }, () => randomInt(1, MOST_SEEDS));
  process.stdout.write(`Seeds of this run: ${seeds.join(', ')} (replay one with FAULT_SEED=<seed>)\n`);
  return { seeds, soakMinutes };
}

function wanted(name: string, env: NodeJS.ProcessEnv): number | undefined {
  const text = env[name];
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`${name} is "${text}": a whole number from 1 on is needed.`);
  return value;
}
