import { randomInt } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from './fault.ts';
import type { LaneResult } from './lanes.ts';
import { runLane, type LaneRun } from './run-lane.ts';
import type { Say } from './say.ts';
import type { Surroundings } from './surroundings.ts';

const USUAL_MINUTES = 60;
const MOST_SEEDS = 1_000_000;
const MINUTE_MS = 60_000;
/** No round begins after the time is over; the one that runs then may end. */
const LAST_ROUND_WITHIN_MS = 20 * MINUTE_MS;

interface Round extends LaneResult {
  readonly seed: number;
  readonly minutes: number;
  readonly strikes: number;
}

/**
 * Runs a lane again and again, each time with another seed, until SOAK_MINUTES are over. Tests are told `FAULT_SEED`, `SOAK_MINUTES` (take
 * the long form) and `STRIKES_FILE`, to which they add a line for each fault that really happened. FAULT_SEED in the environment: that
 * seed, and one round.
 */
export async function soak(surroundings: Surroundings, run: LaneRun): Promise<Round[]> {
  const { places, children, say } = surroundings;
  const minutes = wholeNumber('SOAK_MINUTES') ?? USUAL_MINUTES;
  const replayed = wholeNumber('FAULT_SEED');
  const strikesFile = join(places.home, 'strikes.log');
  const endMs = Date.now() + minutes * MINUTE_MS;
  const rounds: Round[] = [];
  do {
    const seed = replayed ?? randomInt(1, MOST_SEEDS);
    const startedMs = Date.now();
    say.title(`Round ${rounds.length + 1}, seed ${seed} (again: FAULT_SEED=${seed} npm run test:soak)`);
    rmSync(strikesFile, { force: true });
    const env = {
      ...run.env,
      FAULT_SEED: String(seed),
      SOAK_MINUTES: String(minutes),
      STRIKES_FILE: strikesFile,
    };
    const withinMs = Math.max(0, endMs - startedMs) + LAST_ROUND_WITHIN_MS;
    const result = await runLane(surroundings, { ...run, env, withinMs });
    rounds.push({
      ...result,
      seed,
      minutes: (Date.now() - startedMs) / MINUTE_MS,
      strikes: linesOf(strikesFile),
    });
  } while (Date.now() < endMs && replayed === undefined && !children.isClosed);
  tell(rounds, say);
  return rounds;
}

function tell(rounds: readonly Round[], say: Say): void {
  say.title(`Soak: ${rounds.length} rounds`);
  const row = (...cells: (string | number)[]) =>
    say.plain(cells.map((cell) => String(cell).padStart(9)).join(''));
  row('round', 'seed', 'minutes', 'passed', 'failed', 'strikes');
  rounds.forEach(({ seed, minutes, passed, failed, strikes }, at) =>
    row(at + 1, seed, minutes.toFixed(1), passed, failed, strikes),
  );
  const total = (of: (round: Round) => number) => rounds.reduce((sum, round) => sum + of(round), 0);
  const passed = total((round) => round.passed);
  const failed = total((round) => round.failed);
  row(
    'all',
    '',
    total((round) => round.minutes).toFixed(1),
    passed,
    failed,
    total((round) => round.strikes),
  );
}

function linesOf(file: string): number {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).length : 0;
}

function wholeNumber(name: string): number | undefined {
  const text = process.env[name];
  if (!text) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new Fault(`${name} is "${text}": a whole number from 1 on is needed.`);
}
