import type { Cost, Figure, ScenarioResult } from '../scenario.ts';
import type { MachineDescription } from './machine.ts';

export interface Reported {
  readonly name: string;
  readonly result: ScenarioResult;
}

export const keepsTo = ({ ratio, expected }: Figure): boolean =>
  expected === undefined || ('atLeast' in expected ? ratio >= expected.atLeast : ratio <= expected.atMost);

/** One table of all figures, and what each side cost. */
export function toTable(reported: readonly Reported[], machine: MachineDescription): string {
  const rows = [['figure', 'ours', 'baseline', 'ratio', 'expected']];
  for (const { result } of reported) {
    for (const figure of result.figures) {
      rows.push([
        `${figure.name} (${figure.unit})`,
        inWords(figure.ours),
        inWords(figure.baseline),
        figure.ratio.toFixed(2),
        expectation(figure),
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
    ...aligned(costs.map(costRow)),
  ].join('\n');
}

function expectation(figure: Figure): string {
  const { expected } = figure;
  if (!expected) return '';
  const words = 'atLeast' in expected ? `≥ ${expected.atLeast}` : `≤ ${expected.atMost}`;
  return `${words} ${keepsTo(figure) ? '✓' : '✗'}`;
}

const costRow = ({ side, cpu }: Cost): string[] => [
  side,
  Object.entries(cpu)
    .map(([name, seconds]) => `${name} ${seconds.toFixed(3)}`)
    .join('   '),
];

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
