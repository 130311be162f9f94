/** ISO 4217, active codes, all that do not have the usual two decimals. */
const DECIMALS: ReadonlyMap<string, number> = new Map([
  ...[
    ...['BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND'],
    ...['VUV', 'XAF', 'XOF', 'XPF'],
  ].map((code) => [code, 0] as const),
  ...['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'].map((code) => [code, 3] as const),
  ...['CLF', 'UYW'].map((code) => [code, 4] as const),
]);

const USUAL_DECIMALS = 2;

/**
 * Decimals of a currency, named in capitals, by ISO 4217; two for a code that it does not have. Not by `Intl`, whose data is how people show
 * cash: it has none for HUF and IDR, and none for IQD where ISO has three.
 */
export const decimalsOfCurrency = (code: string): number => DECIMALS.get(code) ?? USUAL_DECIMALS;
