/**
 * `npm run bench -- [--all] [--only NAME[,NAME]] [--json FILE] [--rounds N] [--events N]`: what the product does beside what the bare tools
 * do, in one run on one machine. Exit code 1 when a promise is not kept, or a count is wrong. docs/guide/bench.md explains each scenario.
 */
import { writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { describeMachine } from './measure/machine.ts';
import { keepsTo, toTable, type Reported } from './measure/report.ts';
import { SCENARIOS } from './scenarios/index.ts';
import { killAllProcesses } from './stage/stage.ts';

const USUAL_ROUNDS = 3;

const { values } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    only: { type: 'string' },
    json: { type: 'string' },
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

const machine = describeMachine();
const reported: Reported[] = [];
for (const scenario of chosen) {
  console.log(`\n${scenario.name}: ${scenario.says}`);
  const startedMs = performance.now();
  const result = await scenario.run({ rounds, events, say: (text) => console.log(`  ${text}`) });
  const seconds = (performance.now() - startedMs) / 1_000;
  for (const each of result.exact) console.log(`  ✓ ${each}`);
  console.log(`  ${seconds.toFixed(0)} s`);
  reported.push({ name: scenario.name, seconds, result });
}
console.log(`\n${toTable(reported, machine)}`);
if (values.json !== undefined) {
  const content = { takenAt: new Date().toISOString(), machine, scenarios: reported };
  writeFileSync(values.json, `${JSON.stringify(content, null, 2)}\n`);
  console.log(`\nwritten to ${values.json}`);
}
process.exit(reported.every(({ result }) => result.figures.every(keepsTo)) ? 0 : 1);

function whole(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  console.error(`--${name} is "${text}": a whole number from 1 on is needed.`);
  process.exit(1);
}
