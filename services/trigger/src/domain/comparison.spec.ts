import { describe, expect, it } from '@jest/globals';
import { OPERATORS, type Operator } from '@trackline/contracts';
import fc from 'fast-check';
import { holds, passes } from './comparison.ts';

const table = (
  operator: Operator,
  rows: readonly (readonly [left: unknown, right: unknown, expected: boolean])[],
) =>
  describe(operator, () => {
    it.each(rows)('%j, %j: %j', (left, right, expected) =>
      expect(holds(left, operator, right)).toBe(expected),
    );
  });

describe('a comparison', () => {
  table('equals', [
    ['a', 'a', true],
    ['a', 'A', false],
    [1, '1', true],
    ['1.0', 1, true],
    ['01', '1', false],
    ['', 0, false],
    [true, 'true', true],
    [false, 'true', false],
    [null, undefined, false],
    [undefined, 'x', false],
    [{ a: 1, b: [2] }, { b: [2], a: 1 }, true],
    [[1, 2], [2, 1], false],
  ]);
  table('not_equals', [
    ['a', 'b', true],
    [undefined, 'b', true],
    [1, '1', false],
  ]);
  table('contains', [
    ['hello', 'ell', true],
    [['a', 1], '1', true],
    [['a'], 'b', false],
    [12345, 34, true],
    [undefined, 'x', false],
    [{ a: 1 }, 'a', false],
  ]);
  table('not_contains', [
    ['hello', 'x', true],
    [undefined, 'x', true],
    [['x'], 'x', false],
  ]);
  table('starts_with', [
    ['+49170', '+49', true],
    [4917, 49, true],
    [['a'], 'a', false],
  ]);
  table('ends_with', [['a@b.com', '.com', true]]);
  table('greater_than', [
    [2, 1, true],
    ['10', 9, true],
    ['abc', 1, false],
    [undefined, 1, false],
    ['2026-02-01', '2026-01-31T23:00:00Z', true],
    [true, 0, false],
  ]);
  table('less_than', [[1, '2', true]]);
  table('greater_than_or_equals', [
    [2, 2, true],
    [1, 2, false],
  ]);
  table('less_than_or_equals', [[2, '2.0', true]]);
  table('is_set', [
    [0, undefined, true],
    [false, undefined, true],
    ['', undefined, false],
    [null, undefined, false],
    [undefined, undefined, false],
  ]);
  table('is_not_set', [
    [null, undefined, true],
    [0, undefined, false],
  ]);
  table('is_true', [
    [true, undefined, true],
    ['true', undefined, true],
    [1, undefined, false],
  ]);
  table('is_false', [
    [false, undefined, true],
    [undefined, undefined, false],
  ]);

  it('never throws, whatever meets', () => {
    fc.assert(
      fc.property(fc.anything(), fc.constantFrom(...OPERATORS), fc.anything(), (left, operator, right) => {
        // What comes from JSON: no cycles, no bigint.
        const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value, bigless) ?? 'null');
        expect(typeof holds(json(left), operator, json(right))).toBe('boolean');
      }),
    );
  });

  it('never throws over an object that says it cannot be text', () => {
    for (const odd of [{ toString: '' }, { valueOf: 1, toString: null }, [{ toString: '' }]]) {
      expect(holds(false, 'equals', odd)).toBe(false);
      expect(holds([true], 'contains', odd)).toBe(false);
    }
    expect(holds(false, 'equals', ['false'])).toBe(false);
  });

  it('and its negation never agree', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (left, right) => {
        expect(holds(left, 'equals', right)).toBe(!holds(left, 'not_equals', right));
        expect(holds(left, 'contains', right)).toBe(!holds(left, 'not_contains', right));
        expect(holds(left, 'is_set', right)).toBe(!holds(left, 'is_not_set', right));
      }),
    );
  });
});

const bigless = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? String(value) : value;

describe('a filter', () => {
  it('holds when all its clauses do', () => {
    const filter = [
      { field: 'total', operator: 'greater_than', value: 10 },
      { field: 'address.city', operator: 'equals', value: 'Berlin' },
    ] as const;
    expect(passes(filter, { total: 11, address: { city: 'Berlin' } })).toBe(true);
    expect(passes(filter, { total: 10, address: { city: 'Berlin' } })).toBe(false);
    expect(passes(undefined, {})).toBe(true);
  });

  it('reads own properties alone', () => {
    expect(passes([{ field: 'constructor', operator: 'is_set' }], {})).toBe(false);
    expect(passes([{ field: '__proto__.polluted', operator: 'is_set' }], {})).toBe(false);
  });
});
