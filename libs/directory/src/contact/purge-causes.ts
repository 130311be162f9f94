import type { Queryable } from '@trackline/postgres';

export async function purgeCauses(db: Queryable, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'directory.purge_causes',
    text: `DELETE FROM directory.change WHERE cause IN (
             SELECT cause FROM directory.change WHERE at < $1 ORDER BY at LIMIT $2)`,
    values: [before, limit],
  });
  return rowCount;
}
