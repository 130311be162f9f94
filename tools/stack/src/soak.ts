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

/** Of tests that take all the time that a soak has: not in its rounds, unless the arguments for jest name them. */
const TAKES_ALL_THE_TIME = 'a-million-timers';

interface Round extends LaneResult {
  readonly seed: number;
  readonly minutes: number;
  /** By kind: how many faults really happened. */
  readonly strikes: ReadonlyMap<string, number>;
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
    const jestArguments = argumentsOfARound(run.jestArguments);
    // One after the other: the long form has work enough for the machine, and a file that failed is told from its neighbours.
    const result = await runLane(surroundings, { ...run, jestArguments, env, withinMs, workers: 1 });
    rounds.push({
      ...result,
      seed,
      minutes: (Date.now() - startedMs) / MINUTE_MS,
      strikes: countLines(strikesFile),
    });
  } while (Date.now() < endMs && replayed === undefined && !children.isClosed);
  tell(rounds, say);
  return rounds;
}

/** `-t "a million timers"` and the name of the file say that it is wanted, and then nothing else would have time. */
export function argumentsOfARound(given: readonly string[]): readonly string[] {
  const isNamed = given.some((word) => word.replaceAll(' ', '-').includes(TAKES_ALL_THE_TIME));
  // At the end: jest takes what follows the option for more of its patterns.
  return isNamed ? given : [...given, `--testPathIgnorePatterns=${TAKES_ALL_THE_TIME}`];
}

function tell(rounds: readonly Round[], say: Say): void {
  say.title(`Soak: ${rounds.length} rounds`);
  const row = (...cells: (string | number)[]) =>
    say.plain(cells.map((cell) => String(cell).padStart(9)).join(''));
  row('round', 'seed', 'minutes', 'passed', 'failed', 'strikes');
  rounds.forEach(({ seed, minutes, passed, failed, strikes }, at) =>
    row(at + 1, seed, minutes.toFixed(1), passed, failed, sum([...strikes.values()])),
  );
  const total = (of: (round: Round) => number) => sum(rounds.map(of));
  row(
    'all',
    '',
    total(({ minutes }) => minutes).toFixed(1),
    total(({ passed }) => passed),
    total(({ failed }) => failed),
    total(({ strikes }) => sum([...strikes.values()])),
  );
  const kinds = [...new Set(rounds.flatMap(({ strikes }) => [...strikes.keys()]))].sort();
  const times = (kind: string) => total(({ strikes }) => strikes.get(kind) ?? 0);
  say.plain();
  for (const kind of kinds) say.plain(`${String(times(kind)).padStart(9)}  ${kind}`);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

function countLines(file: string): Map<string, number> {
  const counts = new Map<string, number>();
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

function wholeNumber(name: string): number | undefined {
  const text = process.env[name];
  if (!text) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new Fault(`${name} is "${text}": a whole number from 1 on is needed.`);
}
