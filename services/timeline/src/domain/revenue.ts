import { decimalsOfCurrency } from '@trackline/contracts';

export { amountOf, currencyOf, type SaidWorth } from '@trackline/contracts';

/** ISO 4217's code for "no currency": the order names none and the organisation has no default. */
export const NO_CURRENCY = 'XXX';

/** An exact sum as people write it: at least the decimals that the currency has, and no zeros beyond them. */
export function formatAmount(sum: string, currency: string): string {
  const [whole = '0', fraction = ''] = sum.split('.');
  const digits = fraction.replace(/0+$/, '').padEnd(decimalsOfCurrency(currency), '0');
  return digits === '' ? whole : `${whole}.${digits}`;
}
