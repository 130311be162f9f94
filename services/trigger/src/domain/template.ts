import { numbersAt, stringifyAsSent } from '@trackline/contracts';
import { lookUpForText, type FieldScope, type Sent } from './fields.ts';

/**
 * `{{name}}`, `{{name|default}}`. What is put in is never read again: a value that looks like a placeholder stays as it is. Numbers of events
 * are shown as they were sent, those of contacts as doubles.
 */
const PLACEHOLDER = /\{\{([^{}]*)\}\}/g;

/** More than this and it is a mistake, or an attack: one value may be 64 KB and stand in a text a thousand times. */
export const MAX_RENDERED_CHARACTERS = 500_000;

export interface Rendered {
  readonly value: string;
  /** Names of placeholders that nothing was found for, and that have no default. */
  readonly missing: readonly string[];
}

export class TooLong extends Error {}

/** Makes a value harmless in the place in which it is put. */
export type Escape = (text: string) => string;

const NOWHERE: Escape = (text) => text;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export const asHtml: Escape = (text) => text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
/** A header that holds a line break is two headers. */
export const asOneLine: Escape = (text) => text.replace(/[\u0000-\u001f\u007f\u0085\u2028\u2029]+/g, ' ');
/** In a list of addresses, none can be added. */
export const asPartOfAddress: Escape = (text) => asOneLine(text).replace(/[<>",;]/g, '');
export const asPartOfUrl: Escape = (text) => encodeURIComponent(text.toWellFormed());
/** Between the quotes of a JSON text. */
export const asPartOfJson: Escape = (text) => JSON.stringify(text).slice(1, -1);

/** The text with its placeholders filled in. Throws `TooLong`. */
export function render(template: string, scope: FieldScope, escape: Escape = NOWHERE): Rendered {
  const missing: string[] = [];
  let room = MAX_RENDERED_CHARACTERS - template.length;
  const value = template.replace(PLACEHOLDER, (written, inner: string) => {
    const found = fill(inner, scope, missing);
    if (found === undefined) return written;
    const text = escape(toText(found));
    room -= text.length;
    if (room < 0) throw new TooLong(`More than ${MAX_RENDERED_CHARACTERS} characters.`);
    return text;
  });
  return { value, missing };
}

/** JSON text of a value with the placeholders of its texts filled in; a text that is nothing but one takes the value with its type. */
export function renderJson(template: unknown, scope: FieldScope): Rendered {
  const missing: string[] = [];
  let room = MAX_RENDERED_CHARACTERS;
  const walk = (value: unknown): string => {
    if (typeof value === 'string') {
      const { value: filled, numbers } = renderLeaf(value, scope, missing);
      const json = stringifyAsSent(filled, numbers);
      room -= typeof filled === 'string' ? filled.length : json.length;
      if (room < 0) throw new TooLong(`More than ${MAX_RENDERED_CHARACTERS} characters.`);
      return json;
    }
    if (typeof value !== 'object' || value === null) return JSON.stringify(value);
    if (Array.isArray(value)) return `[${value.map(walk).join(',')}]`;
    const members = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}:${walk(inner)}`);
    return `{${members.join(',')}}`;
  };
  return { value: walk(template), missing };
}

const ONLY_ONE = /^\{\{([^{}]*)\}\}$/;

function renderLeaf(template: string, scope: FieldScope, missing: string[]): Sent {
  const only = ONLY_ONE.exec(template);
  if (only) return fill(only[1]!, scope, missing) ?? { value: template };
  const rendered = render(template, scope);
  missing.push(...rendered.missing);
  return { value: rendered.value };
}

/** What comes in the place of a placeholder; `undefined`: it names nothing, and is none. */
function fill(inner: string, scope: FieldScope, missing: string[]): Sent | undefined {
  const bar = inner.indexOf('|');
  const name = (bar < 0 ? inner : inner.slice(0, bar)).trim();
  if (name === '') return undefined;
  const found = lookUpForText(scope, name);
  if (found && (found.value !== '' || bar < 0)) return found;
  if (bar >= 0) return { value: inner.slice(bar + 1).trim() };
  missing.push(name);
  return { value: '' };
}

/** A value as a person reads it. */
function toText({ value, numbers }: Sent): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return typeof numbers === 'string' ? numbers : withoutExponent(value);
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object'))
    return value.map((item, at) => toText({ value: item, numbers: numbersAt(numbers, at) })).join(', ');
  return stringifyAsSent(value, numbers);
}

/** 0.0000001 and not 1e-7. */
function withoutExponent(value: number): string {
  const text = String(value);
  const [digits, exponent] = text.split('e-');
  if (exponent === undefined) return text;
  const sign = value < 0 ? '-' : '';
  return `${sign}0.${'0'.repeat(Number(exponent) - 1)}${digits!.replace(/[-.]/g, '')}`;
}

/** What a person who writes a placeholder expects of other template languages, and gets an answer for. */
export function placeholderProblems(template: string): string[] {
  return [...template.matchAll(PLACEHOLDER)].flatMap(([written, inner]) =>
    /^\s*[#/^>!&@]/.test(inner!)
      ? [`"${written}" is no placeholder: there are {{name}} and {{name|default}}, and no blocks.`]
      : [],
  );
}
