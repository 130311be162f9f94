import { uuidArray, type Database } from '@trackline/postgres';
import type { CountedMonths } from '../../ports.ts';

export const countedMonths = (database: Database): CountedMonths => ({
  async epoch() {
    const { rows } = await database.query<{ epoch: number }>({ text: 'SELECT epoch FROM dedup_meter.epoch' });
    return rows[0]!.epoch;
  },

  async seeded(month, afterId, limit) {
    const { rows } = await database.query<{ organization_id: string }>({
      text: `SELECT organization_id FROM dedup_meter.seeded
              WHERE organization_id > $2::uuid AND month = $1::date ORDER BY organization_id LIMIT $3`,
      values: [`${month}-01`, afterId, limit],
    });
    return rows.map((row) => row.organization_id);
  },

  async used(month, organizationIds) {
    const { rows } = await database.query<{ organization_id: string; used: number }>({
      text: `SELECT organization_id, sum(used)::bigint AS used FROM dedup_meter.usage
              WHERE organization_id = ANY ($1::uuid[]) AND day >= $2::date AND day < $2::date + interval '1 month'
              GROUP BY organization_id`,
      values: [uuidArray(organizationIds, (id) => id), `${month}-01`],
    });
    return new Map(rows.map((row) => [row.organization_id, row.used]));
  },
});
