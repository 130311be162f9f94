/**
 * Fault tests that run at the same time. Each has processes, a database, a Redis and a broker of its own, and waits most of its time: for
 * sessions to end, for processes to start, for a load to come to rest. More of them than cores would be in each other's way.
 */
export const FAULT_WORKERS = 2;

/**
 * The lanes of jest.config.mjs, in the order in which they run: what needs least and tells soonest goes first. Without `workers` jest
 * chooses; one at a time run those that share a broker, or two cores with a whole stack.
 */
export const LANES: readonly Lane[] = [
  { name: 'unit', needs: 'nothing' },
  { name: 'integration', needs: 'infrastructure', workers: 1 },
  { name: 'fault', needs: 'breakable parts', workers: FAULT_WORKERS },
  { name: 'acceptance', needs: 'stack', workers: 1 },
];
export interface Lane {
  readonly name: 'unit' | 'integration' | 'fault' | 'acceptance';
  readonly needs: 'nothing' | 'infrastructure' | 'breakable parts' | 'stack';
  readonly workers?: number;
}

export interface LaneResult {
  readonly passed: number;
  /** Tests that failed, and files that could not even be run. */
  readonly failed: number;
  readonly skipped: number;
}

export interface Wanted {
  readonly lanes: readonly Lane[];
  readonly jestArguments: readonly string[];
  /** The fault lane again and again, with other seeds, for a time. */
  readonly soak?: true;
}

/** Leading words name lanes (all, when there are none), or `soak`; the rest is for jest. */
export function parseLanes(argv: readonly string[]): Wanted {
  if (argv[0] === 'soak') {
    const lanes = LANES.filter(({ name }) => name === 'fault');
    return { lanes, jestArguments: argv.slice(1), soak: true };
  }
  const isLane = (word: string) => LANES.some(({ name }) => name === word);
  const firstOther = argv.findIndex((word) => !isLane(word));
  const named = firstOther === -1 ? argv : argv.slice(0, firstOther);
  return {
    lanes: named.length === 0 ? LANES : LANES.filter(({ name }) => named.includes(name)),
    jestArguments: argv.slice(named.length),
  };
}

/** What jest writes with --json; the fields we read. */
export interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

export function toResult(report: JestReport): LaneResult {
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

export function sum(results: readonly LaneResult[]): LaneResult {
  return results.reduce(
    (total, one) => ({
      passed: total.passed + one.passed,
      failed: total.failed + one.failed,
      skipped: total.skipped + one.skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );
}
