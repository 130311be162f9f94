import { byNewest, type Place } from './page-cursor.ts';

/** Rows that were found, newest first, and where the looking stopped if it did so early. */
interface Reading<Row> {
  readonly rows: readonly Row[];
  readonly reached?: Place | undefined;
}

/** Two readings of one stretch as one, `limit` rows at most. What one of them has not looked at yet is left for the next page in both. */
export function inOneOrder<Row extends Place>(
  first: Reading<Row>,
  second: Reading<Row>,
  limit: number,
): Reading<Row> {
  const reached = [first.reached, second.reached]
    .filter((place) => place !== undefined)
    .sort(byNewest)
    .at(0);
  const rows = [...first.rows, ...second.rows]
    .filter((row) => reached === undefined || byNewest(row, reached) <= 0)
    .sort(byNewest)
    .slice(0, limit);
  return { rows, reached: rows.length === limit ? undefined : reached };
}
