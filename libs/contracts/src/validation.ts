import type { Static, TSchema } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import type { Issue } from './errors.ts';
import { stringifyAsSent, type NumbersAsSent } from './numbers-as-sent.ts';

export type Validation<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly issues: readonly Issue[] };

/** A limit on what is told, so that a batch of a thousand wrong items does not answer with a megabyte. */
const MAX_ISSUES = 20;

/** Compiles a schema once; the validator it gives allocates nothing for a value that is right. */
export function validator<S extends TSchema>(schema: S): (value: unknown) => Validation<Static<S>> {
  const compiled = TypeCompiler.Compile(schema);
  return (value) => {
    if (compiled.Check(value)) return { ok: true, value: value as Static<S> };
    const issues: Issue[] = [];
    for (const error of compiled.Errors(value)) {
      if (issues.some((issue) => issue.path === error.path)) continue;
      const told = (error.schema as { message?: string }).message ?? error.message;
      issues.push({ path: error.path, message: told });
      if (issues.length === MAX_ISSUES) break;
    }
    return { ok: false, issues };
  };
}

export const MAX_PROPERTIES_BYTES = 64 * 1024;
export const MAX_PROPERTIES_DEPTH = 10;
export const MAX_NAME_CHARACTERS = 255;

/** Text that a database and a message header can hold: no NUL, no half of a surrogate pair. */
export const isStorableText = (value: string): boolean => !value.includes('\0') && value.isWellFormed();

/**
 * What the schema cannot say of a JSON value: its depth, and that its texts and numbers can be stored as they are.
 * Gives the first thing that is wrong, or `undefined`.
 */
export function storableIssue(
  value: unknown,
  path: string,
  depthLeft: number = MAX_PROPERTIES_DEPTH,
): Issue | undefined {
  const fault = faultOf(value, depthLeft);
  if (fault === undefined) return undefined;
  return { path: path + fault.keys.map(toPointer).reverse().join(''), message: fault.message };
}

/** What is wrong, and the keys that lead to it, the innermost first: of the many values that are right, no path is ever made. */
interface Fault {
  readonly message: string;
  readonly keys: string[];
}

const fault = (message: string, ...keys: string[]): Fault => ({ message, keys });
const toPointer = (key: string): string => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;

function faultOf(value: unknown, depthLeft: number): Fault | undefined {
  if (typeof value === 'string') {
    return isStorableText(value)
      ? undefined
      : fault('Text must be well-formed Unicode without NUL characters.');
  }
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : fault('The number is too large.');
  }
  if (value === null || typeof value !== 'object') return undefined;
  if (depthLeft === 0) return fault(`Nesting is deeper than ${MAX_PROPERTIES_DEPTH} levels.`);
  for (const key of Object.keys(value)) {
    if (key === '__proto__') return fault('The key "__proto__" is not allowed.', key);
    if (!isStorableText(key)) return fault('A key is not well-formed Unicode without NUL characters.');
    const inner = faultOf((value as Record<string, unknown>)[key], depthLeft - 1);
    if (inner) {
      inner.keys.push(key);
      return inner;
    }
  }
  return undefined;
}

/** The properties of an event as JSON text, their numbers as they were sent; or what is wrong with them. */
export function encodeProperties(
  properties: Readonly<Record<string, unknown>> | undefined,
  path: string,
  numbers?: NumbersAsSent | string,
): { readonly ok: true; readonly json: string } | { readonly ok: false; readonly issue: Issue } {
  if (properties === undefined) return { ok: true, json: '{}' };
  const issue = storableIssue(properties, path);
  if (issue) return { ok: false, issue };
  const json = stringifyAsSent(properties, numbers);
  if (json.length > MAX_PROPERTIES_BYTES || Buffer.byteLength(json) > MAX_PROPERTIES_BYTES) {
    return {
      ok: false,
      issue: { path, message: `Properties are larger than ${MAX_PROPERTIES_BYTES / 1024} KB as JSON.` },
    };
  }
  return { ok: true, json };
}
