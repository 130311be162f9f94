import type { JsonSchema } from '@trackline/contracts';
import { bounds, inWords } from './schema-words.ts';

const inCell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]) => `| ${cells.map(inCell).join(' | ')} |`;
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

/** The fields of an object schema: one row each. */
export function fieldTable(schema: JsonSchema): string {
  const fields = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const required = new Set((schema['required'] as string[] | undefined) ?? []);
  return table(
    ['field', 'type', '', 'is'],
    Object.entries(fields).map(([name, field]) => [
      `\`${name}\``,
      `\`${inWords(field)}\``,
      required.has(name) ? 'required' : '',
      [String(field['description'] ?? ''), bounds(field)].filter(Boolean).join(' '),
    ]),
  );
}

export const paragraphs = (...parts: readonly (string | undefined)[]): string =>
  parts.filter(Boolean).join('\n\n');
