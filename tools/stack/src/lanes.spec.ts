import { describe, expect, it } from '@jest/globals';
import { LANES, parseLanes, toResult } from './lanes.ts';

describe('the arguments of npm test', () => {
  it('are all lanes when they name none', () => {
    expect(parseLanes([])).toEqual({ lanes: LANES, jestArguments: [] });
    expect(parseLanes(['-t', 'unit'])).toEqual({ lanes: LANES, jestArguments: ['-t', 'unit'] });
  });

  it('name lanes first, and the rest is for jest', () => {
    const { lanes, jestArguments } = parseLanes(['acceptance', 'unit', 'libs/kafka', '-t', 'drains']);
    expect(lanes.map(({ name }) => name)).toEqual(['unit', 'acceptance']);
    expect(jestArguments).toEqual(['libs/kafka', '-t', 'drains']);
  });

  it('soak in the fault lane', () => {
    const { lanes, jestArguments, soak } = parseLanes(['soak', 'services/dedup-meter']);
    expect([lanes.map(({ name }) => name), jestArguments, soak]).toEqual([
      ['fault'],
      ['services/dedup-meter'],
      true,
    ]);
  });
});

describe('a lane', () => {
  it('counts a file that could not be run as a failure', () => {
    const report = {
      numPassedTests: 3,
      numFailedTests: 1,
      numPendingTests: 1,
      numTodoTests: 1,
      numRuntimeErrorTestSuites: 2,
    };
    expect(toResult(report)).toEqual({ passed: 3, failed: 3, skipped: 2 });
  });
});
