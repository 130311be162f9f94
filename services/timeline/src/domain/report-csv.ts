import type { Money } from '@trackline/contracts';
import type { ReportKind, ReportTable, TableRow } from './report.ts';

/**
 * What a spreadsheet would take for a formula, were it a cell's beginning, in either width (OWASP: CSV injection), and digits of which it
 * would keep 15 only: ids of Meta's ads have more, and two of them would be one number.
 */
const CALCULATED = /^(?:[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]|\d{16,}$)/;

/** Without it Excel reads UTF-8 as the alphabet of its country. */
const BYTE_ORDER_MARK = '\uFEFF';

/** A text as a cell, by RFC 4180; an apostrophe before it keeps it a text. */
export function cell(text: string): string {
  const safe = CALCULATED.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const currenciesOf = (rows: readonly TableRow[], of: (row: TableRow) => readonly Money[]): string[] =>
  [...new Set(rows.flatMap((row) => of(row).map(({ currency }) => currency)))].sort();

/** A negative sum stays a number. */
const amountIn = (sums: readonly Money[], currency: string): string =>
  sums.find((one) => one.currency === currency)?.amount ?? '';

const PLACE: Readonly<Record<ReportTable, readonly ('period' | 'type' | 'id' | 'name')[]>> = {
  lines: ['period', 'type', 'id', 'name'],
  series: ['period'],
  campaigns: ['type', 'id', 'name'],
};
const COUNTS = ['sent', 'delivered', 'read', 'conversations', 'orders', 'conversions'] as const;
const META_COUNTS = ['metaLeads', 'metaPurchases'] as const;

/** A table with a column of revenue per currency, as amounts of different currencies have no sum. */
export function toCsv(kind: ReportKind, table: ReportTable, rows: readonly TableRow[]): string {
  const currencies = currenciesOf(rows, (row) => row.revenue);
  const metaCurrencies = kind === 'ads' ? currenciesOf(rows, (row) => row.metaRevenue) : [];
  const metaCounts = kind === 'ads' ? META_COUNTS : [];
  const header = [
    ...PLACE[table],
    ...[...COUNTS, 'conversionRate'],
    ...currencies.map((currency) => `revenue_${currency}`),
    ...metaCounts,
    ...metaCurrencies.map((currency) => `metaRevenue_${currency}`),
  ];
  const lines = rows.map((row) => [
    ...PLACE[table].map((column) => cell(row[column] ?? '')),
    ...COUNTS.map((count) => String(row[count])),
    String(row.conversionRate),
    ...currencies.map((currency) => amountIn(row.revenue, currency)),
    ...metaCounts.map((count) => String(row[count])),
    ...metaCurrencies.map((currency) => amountIn(row.metaRevenue, currency)),
  ]);
  return BYTE_ORDER_MARK + [header, ...lines].map((cells) => `${cells.join(',')}\r\n`).join('');
}
