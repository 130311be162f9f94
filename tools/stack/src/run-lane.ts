import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readJson } from './json-file.ts';
import { toResult, type JestReport, type Lane, type LaneResult } from './lanes.ts';
import type { Places } from './places.ts';
import { describeExit, type Child, type Children } from './processes/children.ts';
import { endMarked, MARK } from './processes/marked.ts';
import type { Say } from './say.ts';

/** A lane that takes longer hangs. */
const LANE_WITHIN_MS = 30 * 60_000;
/** Jest has written its report and should be gone; what keeps it is an open handle of some test. */
const LEAVES_WITHIN_MS = 15_000;
const GRACE_MS = 2_000;
/** What a test has left running drains, if it can. */
const LEFT_GRACE_MS = 10_000;

/** Tests with real things wait for conditions, with bounds of their own; jest's five seconds would measure how busy the machine is. */
const WITH_REAL_THINGS = ['--testTimeout=60000'];

export interface LaneRun {
  readonly lane: Lane;
  readonly jestArguments: readonly string[];
  /** With the mark by which all that the lane starts is known again. */
  readonly env: NodeJS.ProcessEnv & { readonly [MARK]: string };
  readonly withinMs?: number;
  /** Files that run at the same time; default: what the lane's tests can bear. */
  readonly workers?: number;
}

/** Runs one lane with jest, whose words go to the reader, and counts by its report. */
export async function runLane(
  { places, children, say }: { places: Places; children: Children; say: Say },
  { lane, jestArguments, env, withinMs = LANE_WITHIN_MS, workers = lane.workers }: LaneRun,
): Promise<LaneResult> {
  const startedMs = Date.now();
  const reportFile = join(places.home, `jest-${lane.name}.json`);
  // Of an earlier round: it would pass for this one's.
  rmSync(reportFile, { force: true });
  say.title(`${lane.name} tests`);
  const jest = children.start({
    name: `jest-${lane.name}`,
    phase: 'task',
    command: process.execPath,
    args: [
      ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
      join(places.root, 'node_modules/jest/bin/jest.js'),
      ...['--selectProjects', lane.name, '--json', `--outputFile=${reportFile}`, '--passWithNoTests'],
      ...(workers === undefined
        ? []
        : [workers === 1 ? '--runInBand' : `--maxWorkers=${workers}`, ...WITH_REAL_THINGS]),
      ...jestArguments,
    ],
    env: { ...process.env, ...env },
    graceMs: GRACE_MS,
    speaks: true,
  });
  const end = await endOf(jest, reportFile, withinMs);
  const left = await endMarked(env[MARK], LEFT_GRACE_MS, [jest]);
  if (left > 0 && !children.isClosed)
    say.notice(lane.name, `some test left ${left} processes running; they were stopped`);
  const report = readJson<JestReport>(reportFile);
  const result = report ? toResult(report) : { passed: 0, failed: 1, skipped: 0 };
  const elapsedMs = Date.now() - startedMs;
  if (!report) say.wrong(lane.name, `jest ${end}, without a report`, elapsedMs);
  else if (end === 'does not leave')
    say.notice(lane.name, 'jest had to be ended: some test leaves a connection or a timer open');
  else if (end === 'takes too long')
    say.wrong(lane.name, `took longer than ${Math.round(withinMs / 60_000)} minutes`, elapsedMs);
  const { passed, failed, skipped } = result;
  const told = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  say[failed === 0 ? 'done' : 'wrong'](lane.name, told, elapsedMs);
  return result;
}

async function endOf(jest: Child, reportFile: string, withinMs: number): Promise<string> {
  const timers = new AbortController();
  const after = async (ms: number, what: string) => {
    await sleep(ms, undefined, { signal: timers.signal });
    return what;
  };
  const lingering = async () => {
    while (readJson(reportFile) === undefined) await sleep(500, undefined, { signal: timers.signal });
    return after(LEAVES_WITHIN_MS, 'does not leave');
  };
  const never = new Promise<never>(() => {});
  try {
    const end = await Promise.race([
      jest.exited.then(describeExit),
      after(withinMs, 'takes too long').catch(() => never),
      lingering().catch(() => never),
    ]);
    await jest.stop();
    return end;
  } finally {
    timers.abort();
  }
}
