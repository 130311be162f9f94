import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { uuidv7 } from '@trackline/kernel';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { placesOf, type Places } from './places.ts';
import { Children } from './processes/children.ts';
import { identify } from './processes/identity.ts';
import { endMarked, MARK } from './processes/marked.ts';
import { runLane } from './run-lane.ts';
import type { Say } from './say.ts';

/** Starts a process in a session of its own, says where, and leaves it. */
const CARELESS = `
  const { spawn } = require('node:child_process');
  const { writeFileSync } = require('node:fs');
  const left = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  left.unref();
  writeFileSync(__dirname + '/left', String(left.pid));
  const report = process.argv.find((word) => word.startsWith('--outputFile=')).slice('--outputFile='.length);
  writeFileSync(report, JSON.stringify({
    numPassedTests: 2, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, numRuntimeErrorTestSuites: 0,
  }));
`;

describe('a lane', () => {
  const mark = uuidv7();
  let root: string;
  let places: Places;
  let children: Children;
  let said: string[];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'lane-'));
    places = placesOf(root, join(root, 'home'));
    mkdirSync(join(root, 'node_modules/jest/bin'), { recursive: true });
    children = new Children(places);
    said = [];
  });
  afterEach(async () => {
    await children.stopAll(() => {});
    await endMarked(mark, 0);
    rmSync(root, { recursive: true, force: true });
  });

  it('ends what its tests have left running, and says so', async () => {
    writeFileSync(join(root, 'node_modules/jest/bin/jest.js'), CARELESS);
    const say = new Proxy({} as Say, {
      get:
        () =>
        (...words: unknown[]) =>
          void said.push(words.join(' ')),
    });
    const lane = { name: 'unit', needs: 'nothing' } as const;
    const result = await runLane(
      { places, children, say },
      { lane, jestArguments: [], env: { [MARK]: mark } },
    );
    expect(result).toEqual({ passed: 2, failed: 0, skipped: 0 });
    const left = Number(readFileSync(join(root, 'node_modules/jest/bin/left'), 'utf8'));
    expect(identify(left)).toBeUndefined();
    expect(said).toContain('unit some test left 1 processes running; they were stopped');
  });
});
