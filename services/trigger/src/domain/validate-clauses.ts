import type { FilterClause, Operator } from '@trackline/contracts';
import { asDate, asNumber } from './comparison.ts';
import { isRecord, type Tell } from './validation-issues.ts';

export function checkFilter(filter: unknown, path: string, tell: Tell): void {
  if (!Array.isArray(filter)) return;
  filter.forEach((clause: unknown, index) => {
    if (isRecord(clause)) checkClause(clause as unknown as FilterClause, `${path}/${index}`, tell);
  });
}

const ORDERING: readonly Operator[] = [
  'greater_than',
  'less_than',
  'greater_than_or_equals',
  'less_than_or_equals',
];
const VALUELESS: readonly Operator[] = ['is_set', 'is_not_set', 'is_true', 'is_false'];
const TEXTUAL: readonly Operator[] = ['starts_with', 'ends_with'];

/** What the value must be hangs on the operator. */
export function checkClause({ operator, value }: FilterClause, path: string, tell: Tell): void {
  if (typeof operator !== 'string') return;
  if (VALUELESS.includes(operator)) {
    if (value !== undefined) tell(`${path}/value`, `"${operator}" takes no value.`);
  } else if (value === undefined || value === null) {
    tell(
      `${path}/value`,
      `"${operator}" needs a value; to ask whether there is one, use is_set or is_not_set.`,
    );
  } else if (ORDERING.includes(operator)) {
    if (asNumber(value) === undefined && asDate(value) === undefined)
      tell(`${path}/value`, `"${operator}" needs a number or an ISO 8601 date.`);
  } else if (TEXTUAL.includes(operator) && typeof value !== 'string' && typeof value !== 'number') {
    tell(`${path}/value`, `"${operator}" needs text.`);
  }
}
