import { isDeepStrictEqual } from 'node:util';
import type { Answer } from './caller.ts';

type Check = (answer: Answer) => string | undefined;

/** The status, and the fields that it names, as they should be. */
export function answers(status: number, fields: Readonly<Record<string, unknown>> = {}): Check {
  return (answer) => {
    if (answer.status !== status) return `expected ${status}, got ${answer.status}`;
    for (const [path, expected] of Object.entries(fields)) {
      const found = at(answer.json, path);
      if (!isDeepStrictEqual(found, expected)) {
        return `expected ${path} to be ${JSON.stringify(expected)}, got ${JSON.stringify(found)}`;
      }
    }
    return undefined;
  };
}

/** `items.0.status` */
function at(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], value);
}
