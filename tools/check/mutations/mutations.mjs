/**
 * `npm run mutations [-- name …]`: shows that the tests bite. Each mutation is a small lie in a copy of the code; the test that is named
 * beside it (list.mjs) has to fail on it, and to pass without it. Exit code 1 when one escapes, or when a test does not pass unmutated.
 */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { compileInto, copyOfWorkspace } from './copy.mjs';
import { MUTATIONS } from './list.mjs';

const root = resolve(import.meta.dirname, '../../..');
const JEST_WITHIN_MS = 600_000;
const NAME_WIDTH = 46;
const SHOWN_LINES = 25;
const SHOWN_CHARACTERS = 160;

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !MUTATIONS.some((mutation) => mutation.name === name));
if (unknown.length > 0) {
  console.error(`No mutation is called ${unknown.join(', ')}; there are:`);
  for (const { name } of MUTATIONS) console.error(`  ${name}`);
  process.exit(1);
}
const chosen = MUTATIONS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));

const copy = copyOfWorkspace(root);
let running;
/** With all that its tests have started: they share its process group. */
const endRunning = () => {
  try {
    if (running?.pid) process.kill(-running.pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
};
const leave = () => {
  endRunning();
  rmSync(copy, { recursive: true, force: true });
};
process.once('exit', leave);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130));

const escape = (text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
const seconds = (fromMs) => `${((performance.now() - fromMs) / 1000).toFixed(1)} s`.padStart(8);
/** A test of a template has its values in its name: `%s` stands for any. */
const pattern = (test) => escape(test).replaceAll('%s', '.*');

/** Runs the named tests of one file. `ran`: how many of them did; undefined: the file could not be run at all. */
async function runTests({ lane, file }, tests) {
  const report = join(copy, 'jest-report.json');
  rmSync(report, { force: true });
  const args = [
    ...[
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      'node_modules/jest/bin/jest.js',
    ],
    ...['--selectProjects', lane, '--runInBand', '--json', `--outputFile=${report}`, '--forceExit'],
    ...['--runTestsByPath', file, '--testNamePattern', tests.map(pattern).join('|')],
  ];
  const output = await new Promise((settle) => {
    let text = '';
    const child = spawn(process.execPath, args, {
      cwd: copy,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (text += data));
    const timer = setTimeout(endRunning, JEST_WITHIN_MS);
    child.once('close', () => {
      clearTimeout(timer);
      running = undefined;
      settle(text);
    });
  });
  let results;
  try {
    results = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return { failed: [], passed: [], output };
  }
  const ran = results.testResults.flatMap(({ assertionResults }) => assertionResults);
  const named = (status) => ran.filter((one) => one.status === status).map(({ fullName }) => fullName);
  const why = ran.flatMap(({ failureMessages }) => failureMessages ?? [])[0];
  return { failed: named('failed'), passed: named('passed'), output, why };
}

/** What the test said, on one line: a reader sees whether it failed for the right reason. */
const firstWords = (why = '') =>
  why
    .replaceAll(/\u001b\[\d+m/g, '')
    .split(/\n\s+at /)[0]
    .replaceAll(/\s+/g, ' ')
    .slice(0, SHOWN_CHARACTERS);

const lastLines = (text) => text.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n    ');

/** Who has to notice: one test or several. */
const catchersOf = ({ caughtBy }) => [caughtBy].flat();

/** The tests on the code as it is: one that fails anyway proves nothing. */
async function proveSound() {
  // By the same compiler as the mutated files: what it breaks must not pass for caught.
  for (const { file } of chosen.flatMap(({ edits }) => edits)) compileInto(copy, file);
  const byFile = new Map();
  for (const catcher of chosen.flatMap(catchersOf))
    byFile.set(catcher.file, [...(byFile.get(catcher.file) ?? []), catcher]);
  let sound = true;
  for (const [file, catchers] of byFile) {
    const startedMs = performance.now();
    const tests = [...new Set(catchers.map(({ test }) => test))];
    const { failed, passed, output } = await runTests(catchers[0], tests);
    const missing = tests.filter((test) => !passed.some((name) => new RegExp(pattern(test)).test(name)));
    const right = failed.length === 0 && missing.length === 0;
    console.log(`${right ? '✓' : '✗'} unmutated ${seconds(startedMs)}  ${file}: ${passed.length} passed`);
    for (const name of failed) console.log(`    fails without any mutation: ${name}`);
    for (const test of missing) console.log(`    no such test passed: ${test}`);
    if (!right) console.log(`    ${lastLines(output)}`);
    sound &&= right;
  }
  return sound;
}

/** Puts the lie into the copy; returns what takes it back. Throws when the text is not there exactly once. */
function plant({ name, edits }) {
  const before = new Map();
  for (const { file, search, replace } of edits) {
    const path = join(copy, file);
    const text = readFileSync(path, 'utf8');
    if (!before.has(path)) before.set(path, { file, text });
    const times = text.split(search).length - 1;
    if (times !== 1) throw new Error(`${name}: ${file} holds ${times} times, not once: ${search}`);
    writeFileSync(
      path,
      text.replace(search, () => replace),
    );
  }
  const compile = () => before.forEach(({ file }) => compileInto(copy, file));
  compile();
  return () => {
    for (const [path, { text }] of before) writeFileSync(path, text);
    compile();
  };
}

const startedMs = performance.now();
console.log(`${chosen.length} mutations, in ${copy}`);
if (!(await proveSound())) process.exit(1);
const escaped = [];
for (const mutation of chosen) {
  const takeBack = plant(mutation);
  for (const catcher of catchersOf(mutation)) {
    const beganMs = performance.now();
    const { failed, passed, output, why } = await runTests(catcher, [catcher.test]);
    const caught = failed.length > 0;
    const by = `${catcher.file.split('/').at(-1)}: ${failed[0] ?? catcher.test}`;
    console.log(
      `${caught ? '✓ caught  ' : '✗ ESCAPED '} ${seconds(beganMs)}  ${mutation.name.padEnd(NAME_WIDTH)} ${by}`,
    );
    if (caught) console.log(`    ${firstWords(why)}`);
    else escaped.push(mutation.name);
    if (!caught && passed.length === 0)
      console.log(`    the test could not be run:\n    ${lastLines(output)}`);
  }
  takeBack();
}
console.log(
  `\n${chosen.length} mutations, ${chosen.flatMap(catchersOf).length} catchers, ${escaped.length} escaped, in ${seconds(startedMs).trim()}`,
);
process.exit(escaped.length === 0 ? 0 : 1);
