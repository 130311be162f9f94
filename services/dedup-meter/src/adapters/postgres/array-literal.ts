/**
 * Arrays as Postgres reads them. The driver's own way escapes each element with regular expressions, which for a batch of ids costs more
 * than the rest of the statement.
 */

/** Of elements that need no quoting: numbers, UUIDs, dates, NULL. */
export function toArray<Row>(rows: readonly Row[], element: (row: Row) => string | number): string {
  let text = '{';
  for (let i = 0; i < rows.length; i++) text += (i === 0 ? '' : ',') + element(rows[i]!);
  return `${text}}`;
}

/** Of any text. */
export const toTextArray = <Row>(rows: readonly Row[], element: (row: Row) => string): string =>
  toArray(rows, (row) => `"${element(row).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`);
