import { describe, expect, it } from '@jest/globals';
import { decimalsOfCurrency } from './currency.ts';

describe('decimals of a currency', () => {
  it.each([
    ['EUR', 2],
    ['HUF', 2],
    ['IDR', 2],
    ['COP', 2],
    ['JPY', 0],
    ['CLP', 0],
    ['IQD', 3],
    ['KWD', 3],
    ['CLF', 4],
    ['XXX', 2],
    ['ZZZ', 2],
  ])('%s has %i', (code, decimals) => {
    expect(decimalsOfCurrency(code)).toBe(decimals);
  });
});
