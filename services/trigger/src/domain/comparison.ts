import type { FilterClause, Operator } from '@trackline/contracts';
import { valueAt } from './fields.ts';

const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;
const DATE = /^\d{4}-\d{2}-\d{2}/;

/** A number, or text that is nothing but one (forms and query strings send those). */
export function asNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !NUMBER.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** ISO 8601 text as milliseconds. */
export function asDate(value: unknown): number | undefined {
  if (typeof value !== 'string' || !DATE.test(value)) return undefined;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? undefined : ms;
}

const isSet = (value: unknown): boolean => value !== undefined && value !== null && value !== '';
const isTrue = (value: unknown): boolean => value === true || value === 'true';
const isFalse = (value: unknown): boolean => value === false || value === 'false';

/** Text and number are equal when they say the same number, text and boolean when they say the same word. */
function equals(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (left === undefined || left === null || right === undefined || right === null) return false;
  if (typeof left === 'number' || typeof right === 'number') {
    const number = asNumber(left);
    return number !== undefined && number === asNumber(right);
  }
  if (typeof left === 'boolean' || typeof right === 'boolean') return sameWord(left, right);
  if (typeof left === 'object' && typeof right === 'object') return canonical(left) === canonical(right);
  return false;
}

const asWord = (value: unknown): string | undefined =>
  typeof value === 'boolean' ? String(value) : typeof value === 'string' ? value : undefined;

function sameWord(left: unknown, right: unknown): boolean {
  const word = asWord(left);
  return word !== undefined && word === asWord(right);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

const asText = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;

function contains(left: unknown, right: unknown): boolean {
  if (Array.isArray(left)) return left.some((item) => equals(item, right));
  const [text, part] = [asText(left), asText(right)];
  return text !== undefined && part !== undefined && text.includes(part);
}

/** Below, equal or above, for two numbers or two dates; what cannot be ordered is `undefined`. */
function order(left: unknown, right: unknown): number | undefined {
  const [a, b] = [asNumber(left), asNumber(right)];
  if (a !== undefined && b !== undefined) return a - b;
  const [from, to] = [asDate(left), asDate(right)];
  return from !== undefined && to !== undefined ? from - to : undefined;
}

function ordered(left: unknown, right: unknown, holds: (difference: number) => boolean): boolean {
  const difference = order(left, right);
  return difference !== undefined && holds(difference);
}

function matchesEnd(left: unknown, right: unknown, end: 'startsWith' | 'endsWith'): boolean {
  const [text, part] = [asText(left), asText(right)];
  return text !== undefined && part !== undefined && text[end](part);
}

/** Never throws: values of any JSON shape meet here, and what cannot be compared does not hold. */
export function holds(left: unknown, operator: Operator, right: unknown): boolean {
  switch (operator) {
    case 'equals':
      return equals(left, right);
    case 'not_equals':
      return !equals(left, right);
    case 'contains':
      return contains(left, right);
    case 'not_contains':
      return !contains(left, right);
    case 'starts_with':
      return matchesEnd(left, right, 'startsWith');
    case 'ends_with':
      return matchesEnd(left, right, 'endsWith');
    case 'greater_than':
      return ordered(left, right, (difference) => difference > 0);
    case 'less_than':
      return ordered(left, right, (difference) => difference < 0);
    case 'greater_than_or_equals':
      return ordered(left, right, (difference) => difference >= 0);
    case 'less_than_or_equals':
      return ordered(left, right, (difference) => difference <= 0);
    case 'is_set':
      return isSet(left);
    case 'is_not_set':
      return !isSet(left);
    case 'is_true':
      return isTrue(left);
    case 'is_false':
      return isFalse(left);
  }
}

/** Whether all clauses hold over the properties of an event. */
export const passes = (
  filter: readonly FilterClause[] | undefined,
  properties: Readonly<Record<string, unknown>>,
): boolean =>
  filter === undefined ||
  filter.every(({ field, operator, value }) => holds(valueAt(properties, field), operator, value));
