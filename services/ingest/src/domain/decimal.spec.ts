import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decimalOf, fromThousandths } from './decimal.ts';

describe('a decimal', () => {
  it.each([
    ['49.90', '49.90'],
    [49.9, '49.9'],
    ['007', '7'],
    [' 0.5 ', '0.5'],
    [0, '0'],
    ['000', '0'],
    ['999999999999999.999999999', '999999999999999.999999999'],
  ])('%p is %p', (written, decimal) => expect(decimalOf(written)).toBe(decimal));

  it.each(['', '1,5', '1e3', '-1', '+1', '.5', '5.', 'NaN', '0x10', '1'.repeat(16), '１'])(
    '%p is none',
    (written) => expect(decimalOf(written)).toBeUndefined(),
  );

  it.each([1e21, Number.NaN, Number.POSITIVE_INFINITY, -0.5, 1e-7])('%p is none', (written) =>
    expect(decimalOf(written)).toBeUndefined(),
  );
});

describe('a thousandfold price', () => {
  it.each([
    [25_000, 'USD', '25.00'],
    ['25000', 'USD', '25.00'],
    [25_000, 'JPY', '25'],
    [25_500, 'JPY', '25.5'],
    [25_000, 'KWD', '25.000'],
    [25_000, 'CLF', '25.0000'],
    [25_000, undefined, '25.00'],
    [25_000, 'XYZ', '25.00'],
    [49_990, 'EUR', '49.99'],
    [25_005, 'USD', '25.005'],
    [1, 'USD', '0.001'],
    [0, 'USD', '0.00'],
    [0, 'JPY', '0'],
    ['000', 'USD', '0.00'],
    ['12.5', 'EUR', '0.0125'],
    ['999999999999999', 'EUR', '999999999999.999'],
    [1_000_000_010, 'EUR', '1000000.01'],
  ])('%p %p is %p', (written, currency, price) => expect(fromThousandths(written, currency)).toBe(price));

  it('is exact for every whole number, which no float is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999_999_999 }), (thousandths) => {
        const [whole, parts = ''] = fromThousandths(String(thousandths), 'EUR')!.split('.');
        return BigInt(whole! + parts.padEnd(3, '0')) === BigInt(thousandths);
      }),
    );
  });

  it('is none when what was written is no decimal', () =>
    expect(fromThousandths('a lot', 'USD')).toBeUndefined());
});
