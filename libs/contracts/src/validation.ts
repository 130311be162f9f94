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
  if (typeof value === 'string') {
    return isStorableText(value)
      ? undefined
      : { path, message: 'Text must be well-formed Unicode without NUL characters.' };
  }
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : { path, message: 'The number is too large.' };
  }
  if (value === null || typeof value !== 'object') return undefined;
  if (depthLeft === 0) return { path, message: `Nesting is deeper than ${MAX_PROPERTIES_DEPTH} levels.` };
  for (const [key, inner] of Object.entries(value)) {
    const innerPath = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (key === '__proto__') return { path: innerPath, message: 'The key "__proto__" is not allowed.' };
    const issue =
      (isStorableText(key)
        ? undefined
        : { path, message: 'A key is not well-formed Unicode without NUL characters.' }) ??
      storableIssue(inner, innerPath, depthLeft - 1);
    if (issue) return issue;
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
