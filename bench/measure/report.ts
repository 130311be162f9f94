import type { Cost, Figure, ScenarioResult } from '../scenario.ts';
import type { MachineDescription } from './machine.ts';

export interface Reported {
  readonly name: string;
  readonly seconds: number;
  readonly result: ScenarioResult;
}

export function keepsTo({ ours, ratio, promised }: Figure): boolean {
  if (promised === undefined) return true;
  const value = promised.of === 'ratio' ? ratio! : ours;
  return 'atLeast' in promised ? value >= promised.atLeast : value <= promised.atMost;
}

/** One table of all figures, and what each side cost. */
export function toTable(reported: readonly Reported[], machine: MachineDescription): string {
  const rows = [['figure', 'ours', 'baseline', 'ratio', 'promised']];
  for (const { result } of reported) {
    for (const figure of result.figures) {
      rows.push([
        `${figure.name} (${figure.unit})`,
        inWords(figure.ours),
        figure.baseline === undefined ? '' : inWords(figure.baseline),
        figure.ratio === undefined ? '' : figure.ratio.toFixed(2),
        promise(figure),
      ]);
    }
  }
  const costs = reported.flatMap(({ result }) => result.costs);
  const { cpu, cores, memoryGb, system, node, loadBefore, commit } = machine;
  return [
    `${cpu}, ${cores} cores, ${memoryGb} GB, ${system}, Node ${node}, commit ${commit}, load before ${loadBefore}`,
    '',
    ...aligned(rows),
    '',
    'CPU seconds per 1,000 events, by process',
    ...aligned(costs.map(({ side, cpu }) => [side, byProcess(cpu, (seconds) => seconds.toFixed(3))])),
    '',
    'Memory at its most, in MB, by process',
    ...aligned(
      costs.map(({ side, memory }) => [side, byProcess(memory, (megabytes) => megabytes.toFixed(0))]),
    ),
    '',
    `Took ${reported.map(({ name, seconds }) => `${name} ${seconds.toFixed(0)} s`).join(', ')}`,
  ].join('\n');
}

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
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows.map((row) =>
    row
      .map((cell, at) =>
        at === 0 || row.length === 2 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]! + 3),
      )
      .join(row.length === 2 ? '   ' : '')
      .trimEnd(),
  );
}
