import type { Cost, Figure, ScenarioResult } from '../scenario.ts';
import { totalOf } from './cost.ts';
import type { MachineDescription } from './machine.ts';

export interface Reported {
  readonly name: string;
  readonly seconds: number;
  /** Runnable processes over the minute before it: what the scenario before has left, too. */
  readonly loadBefore: number;
  readonly result: ScenarioResult;
}

/** A scenario that ended with an error: none of its figures stands. */
export interface Failed {
  readonly name: string;
  readonly seconds: number;
  readonly failure: string;
}

/** All that a run has found. */
export interface Found {
  readonly takenAt: string;
  readonly command: string;
  readonly machine: MachineDescription;
  readonly scenarios: readonly Reported[];
  readonly failed: readonly Failed[];
}

/** What is no number, or beside nothing, keeps no promise: then something was not measured. */
export function keepsTo({ ours, ratio, promised }: Figure): boolean {
  if (promised === undefined) return true;
  const value = promised.of === 'ratio' ? ratio! : ours;
  if (!Number.isFinite(value)) return false;
  return 'atLeast' in promised ? value >= promised.atLeast : value <= promised.atMost;
}

/** One table of all figures, and what each side cost. */
export function toTable({ takenAt, command, machine, scenarios, failed }: Found): string {
  const costs = scenarios.flatMap(({ result }) => result.costs);
  const notes = scenarios.flatMap(({ name, result }) =>
    (result.notes ?? []).map((note) => `${name}: ${note}`),
  );
  const { cpu, cores, memoryGb, system, node, loadBefore, commit } = machine;
  return [
    `${command}, ${takenAt.slice(0, 10)}`,
    `${cpu}, ${cores} cores, ${memoryGb} GB, ${system}, Node ${node}, commit ${commit}, load before ${loadBefore}`,
    '',
    ...aligned(figureRows(scenarios)),
    '',
    ...aligned(costRows(costs)),
    '',
    'CPU seconds per 1,000 events, by process',
    ...besideTheSide(costs, ({ cpu }) => byProcess(cpu, (seconds) => seconds.toFixed(3))),
    '',
    'Memory at its most, in MB, by process',
    ...besideTheSide(costs, ({ memory }) => byProcess(memory, (megabytes) => megabytes.toFixed(0))),
    '',
    ...notes,
    ...failed.map(({ name, failure }) => `✗ ${name}: ${failure}`),
    `Took ${[...scenarios, ...failed].map(({ name, seconds }) => `${name} ${seconds.toFixed(0)} s`).join(', ')}`,
  ].join('\n');
}

function figureRows(scenarios: readonly Reported[]): string[][] {
  const figures = scenarios.flatMap(({ result }) => result.figures);
  return [
    ['figure', 'ours', 'baseline', 'ratio', 'promised'],
    ...figures.map((figure) => [
      `${figure.name} (${figure.unit})`,
      inWords(figure.ours),
      figure.baseline === undefined ? '' : inWords(figure.baseline),
      figure.ratio === undefined ? '' : figure.ratio.toFixed(2),
      promise(figure),
    ]),
  ];
}

const costRows = (costs: readonly Cost[]): string[][] => [
  ['what it cost', 'CPU s per 1,000 events', 'cores busy', 'Redis bytes per event'],
  ...costs.map(({ side, cpu, busyCores, redisBytes }) => [
    side,
    totalOf(cpu).toFixed(3),
    busyCores.toFixed(2),
    redisBytes === undefined ? '' : redisBytes.toFixed(0),
  ]),
];

function promise(figure: Figure): string {
  const { promised } = figure;
  if (!promised) return '';
  const bound = 'atLeast' in promised ? `≥ ${inWords(promised.atLeast)}` : `≤ ${inWords(promised.atMost)}`;
  return `${promised.of === 'ratio' ? `${bound} ×` : bound} ${keepsTo(figure) ? '✓' : '✗'}`;
}

const byProcess = (values: Cost['cpu'], inText: (value: number) => string): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${inText(value)}`)
    .join('   ');

const inWords = (value: number): string =>
  value >= 1_000 ? Math.round(value).toLocaleString('en') : value.toFixed(value >= 100 ? 0 : 2);

/** The first column to the left, figures to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]! + 3)))
      .join('')
      .trimEnd(),
  );
}

function besideTheSide(costs: readonly Cost[], text: (cost: Cost) => string): string[] {
  const width = Math.max(0, ...costs.map(({ side }) => side.length));
  return costs.map((cost) => `${cost.side.padEnd(width)}   ${text(cost)}`);
}
