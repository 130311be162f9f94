/**
 * `npm run bench -- [--all] [--only NAME[,NAME]] [--json FILE] [--rounds N] [--events N]`: what the product does beside what the bare tools
 * do, in one run on one machine. Exit code 1 when a promise is not kept, or a count is wrong. docs/guide/bench.md explains each scenario.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { dirname, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { describeMachine } from './measure/machine.ts';
import { keepsTo, toTable, type Failed, type Found, type Reported } from './measure/report.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios/index.ts';
import { killAllProcesses } from './stage/stage.ts';

const USUAL_ROUNDS = 3;
const USUAL_FILE = resolve(import.meta.dirname, '../../.trackline/bench.json');

const { values } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    only: { type: 'string' },
    json: { type: 'string', default: USUAL_FILE },
    rounds: { type: 'string' },
    events: { type: 'string' },
  },
});
const asked = values.only?.split(',');
const unknown = asked?.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name)) ?? [];
if (unknown.length > 0) {
  console.error(
    `No scenario is called ${unknown.join(', ')}; there are: ${SCENARIOS.map(({ name }) => name).join(', ')}`,
  );
  process.exit(1);
}
const chosen = SCENARIOS.filter(({ name, isLong }) => asked?.includes(name) ?? (values.all || !isLong));
const rounds = whole('rounds', values.rounds) ?? USUAL_ROUNDS;
const events = whole('events', values.events);

process.once('exit', killAllProcesses);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

const scenarios: Reported[] = [];
const failed: Failed[] = [];
const found: Found = {
  takenAt: new Date().toISOString(),
  command: `npm run bench -- ${process.argv.slice(2).join(' ')}`.replace(/ -- $/, ''),
  machine: describeMachine(),
  scenarios,
  failed,
};
for (const scenario of chosen) {
  await runOne(scenario);
  // After each: a run of an hour is not lost with its last scenario.
  write(found);
}
console.log(`\n${toTable(found)}\n\nwritten to ${values.json} and ${textFile()}`);
const isKept = scenarios.every(({ result }) => result.figures.every(keepsTo));
process.exit(isKept && failed.length === 0 ? 0 : 1);

/** One that fails costs its own figures, and the run its good end; not the scenarios after it. */
async function runOne(scenario: Scenario): Promise<void> {
  const { name } = scenario;
  console.log(`\n${name}: ${scenario.says}`);
  const loadBefore = Number(loadavg()[0]!.toFixed(2));
  const startedMs = performance.now();
  const seconds = () => (performance.now() - startedMs) / 1_000;
  try {
    const isWhole = values.all || asked !== undefined;
    const say = (text: string) => console.log(`  ${text}`);
    const result = await scenario.run({ rounds, events, isWhole, say });
    for (const each of result.exact) say(`✓ ${each}`);
    for (const note of result.notes ?? []) say(note);
    scenarios.push({ name, seconds: seconds(), loadBefore, result });
  } catch (error) {
    console.error(error);
    failed.push({ name, seconds: seconds(), failure: (error as Error).message });
  }
  console.log(`  ${seconds().toFixed(0)} s`);
}

function write(content: Found): void {
  mkdirSync(dirname(resolve(values.json)), { recursive: true });
  writeFileSync(values.json, `${JSON.stringify(content, null, 2)}\n`);
  writeFileSync(textFile(), `${toTable(content)}\n`);
}

function textFile(): string {
  return `${values.json.replace(/\.json$/, '')}.txt`;
}

function whole(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  console.error(`--${name} is "${text}": a whole number from 1 on is needed.`);
  process.exit(1);
}
