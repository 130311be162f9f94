import { describe, expect, it } from '@jest/globals';
import { amountOf, currencyOf, formatAmount, type SaidWorth } from './revenue.ts';

const said = (more: Partial<SaidWorth>): SaidWorth => ({
  value: null,
  amount: null,
  total: null,
  orderTotal: null,
  currency: null,
  ...more,
});

describe('the worth of an order', () => {
  it.each<[string, Partial<SaidWorth>, string | null]>([
    ['its value before anything else', { value: '49.90', amount: '1', total: '2', orderTotal: '3' }, '49.90'],
    ['else its amount', { amount: '1', total: '2', orderTotal: '3' }, '1'],
    ['else its total', { total: '2', orderTotal: '3' }, '2'],
    ['else its order_total', { orderTotal: '3' }, '3'],
    ['the first that is a decimal', { value: 'a lot', amount: '{"net": 5}', total: ' 12.5 ' }, '12.5'],
    [
      'every digit that was said',
      { value: '0.1000000000000000055511151231257827' },
      '0.1000000000000000055511151231257827',
    ],
    ['less than nothing, for what was given back', { value: '-5.00' }, '-5.00'],
    ['without its plus', { value: '+5' }, '5'],
    ['nothing when nothing is said', {}, null],
    [
      'nothing when it is no number that people write',
      { value: '1e5', amount: '12,50', total: '0x10', orderTotal: '9'.repeat(41) },
      null,
    ],
  ])('is %s', (_, worth, expected) => {
    expect(amountOf(said(worth))).toBe(expected);
  });

  it.each([
    ['eur', 'EUR'],
    [' USD ', 'USD'],
    ['€', null],
    ['EURO', null],
    [null, null],
  ])('in %j is in %j', (currency, expected) => {
    expect(currencyOf(said({ currency }))).toBe(expected);
  });

  it.each([
    ['49.9', 'EUR', '49.90'],
    ['49.9000', 'EUR', '49.90'],
    ['49.905', 'EUR', '49.905'],
    ['0', 'EUR', '0.00'],
    ['1200', 'JPY', '1200'],
    ['1200.50', 'JPY', '1200.5'],
    ['1', 'KWD', '1.000'],
    ['12345.5', 'HUF', '12345.50'],
    ['150000', 'IDR', '150000.00'],
    ['1', 'IQD', '1.000'],
    ['-3.5', 'USD', '-3.50'],
    ['7', 'XXX', '7.00'],
  ])('%s %s is written %s', (sum, currency, expected) => {
    expect(formatAmount(sum, currency)).toBe(expected);
  });
});
