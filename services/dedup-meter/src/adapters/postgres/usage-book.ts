import type { Database } from '@trackline/postgres';
import type { UsageBook } from '../../ports.ts';

export const usageBook = (database: Database): UsageBook => ({
  async usageByDay(organizationId, fromDay) {
    const { rows } = await database.query<{ day: string; used: number }>({
      name: 'usage_by_day',
      text: `SELECT day, sum(used)::bigint AS used FROM dedup_meter.usage
              WHERE organization_id = $1 AND day >= $2::date GROUP BY day ORDER BY day`,
      values: [organizationId, fromDay],
    });
    return rows;
  },
});
