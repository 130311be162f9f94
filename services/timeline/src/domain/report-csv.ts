import type { Money } from '@trackline/contracts';
import type { CampaignRow, ReportKind } from './report.ts';

type Line = CampaignRow & { readonly period: string };

/**
 * What a spreadsheet would take for a formula, were it a cell's beginning (OWASP: CSV injection): such text gets an apostrophe before it, which
 * spreadsheets do not show.
 */
const FORMULA = /^[=+\-@\t\r]/;

/** A text as a cell, by RFC 4180. */
export function cell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const currenciesOf = (lines: readonly Line[], of: (line: Line) => readonly Money[]): string[] =>
  [...new Set(lines.flatMap((line) => of(line).map(({ currency }) => currency)))].sort();

/** A negative sum stays a number. */
const amountIn = (sums: readonly Money[], currency: string): string =>
  sums.find((one) => one.currency === currency)?.amount ?? '';

/** The lines as a table: a column of revenue per currency, as amounts of different currencies have no sum. */
export function toCsv(kind: ReportKind, lines: readonly Line[]): string {
  const currencies = currenciesOf(lines, (line) => line.revenue);
  const metaCurrencies = currenciesOf(lines, (line) => line.metaRevenue);
  const isAds = kind === 'ads';
  const header = [
    ...['period', 'type', 'id', 'name', 'sent', 'delivered', 'read'],
    ...['conversations', 'orders', 'conversions', 'conversionRate'],
    ...currencies.map((currency) => `revenue_${currency}`),
    ...(isAds ? ['metaLeads', 'metaPurchases'] : []),
    ...(isAds ? metaCurrencies.map((currency) => `metaRevenue_${currency}`) : []),
  ];
  const table = lines.map((line) => [
    ...[line.period, line.type, line.id, line.name].map(cell),
    ...[line.sent, line.delivered, line.read, line.conversations, line.orders, line.conversions].map(String),
    String(line.conversionRate),
    ...currencies.map((currency) => amountIn(line.revenue, currency)),
    ...(isAds ? [line.metaLeads, line.metaPurchases].map(String) : []),
    ...(isAds ? metaCurrencies.map((currency) => amountIn(line.metaRevenue, currency)) : []),
  ]);
  return [header, ...table].map((cells) => `${cells.join(',')}\r\n`).join('');
}
