import { decimalsOfCurrency } from '@trackline/contracts';

const DECIMAL = /^(\d{1,15})(?:\.(\d{1,9}))?$/;

/** A decimal that is not negative as it was written, without zeros in front; `undefined`: it is none. Never passes through a float. */
export function decimalOf(written: string | number): string | undefined {
  const match = DECIMAL.exec(String(written).trim());
  if (!match) return undefined;
  const whole = match[1]!.replace(/^0+(?=\d)/, '');
  return match[2] === undefined ? whole : `${whole}.${match[2]}`;
}

const THOUSANDTHS = 3;

/**
 * A thousandfold price in units of its currency, with as many decimals as the currency has: 25000 USD is "25.00". What is finer than
 * that is kept, not rounded: 25005 USD is "25.005".
 */
export function fromThousandths(written: string | number, currency: string | undefined): string | undefined {
  const decimal = decimalOf(written);
  if (decimal === undefined) return undefined;
  const [whole = '', fraction = ''] = decimal.split('.');
  const digits = whole.padStart(THOUSANDTHS + 1, '0');
  const units = digits.slice(0, -THOUSANDTHS).replace(/^0+(?=\d)/, '');
  const parts = (digits.slice(-THOUSANDTHS) + fraction).replace(/0+$/, '');
  const shown = parts.padEnd(decimalsOfCurrency(currency ?? ''), '0');
  return shown === '' ? units : `${units}.${shown}`;
}
