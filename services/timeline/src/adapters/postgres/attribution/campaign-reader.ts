import type { CampaignType } from '@trackline/contracts';
import type { Queryable } from '@trackline/postgres';
import type { CampaignReader } from '../../../ports.ts';

interface CampaignRow {
  type: CampaignType;
  id: string;
  name: string | null;
  named_at: Date;
}

export const campaignReader = (database: Queryable): CampaignReader => ({
  async names(organizationId, campaigns) {
    if (campaigns.length === 0) return new Map();
    const { rows } = await database.query<{ type: string; id: string; name: string }>({
      name: 'timeline-campaign-names',
      text: `
        SELECT held.type, held.id, held.name FROM unnest($2::text[], $3::text[]) AS wanted (type, id)
        JOIN timeline.campaign AS held ON held.organization_id = $1 AND held.type = wanted.type AND held.id = wanted.id
        WHERE held.name IS NOT NULL
      `,
      values: [organizationId, campaigns.map((one) => one.type), campaigns.map((one) => one.id)],
    });
    return new Map(rows.map((row) => [`${row.type}/${row.id}`, row.name]));
  },

  async list(organizationId, { type, after, limit }) {
    const { rows } = await database.query<CampaignRow>({
      name: 'timeline-campaigns',
      text: `
        SELECT type, id, name, named_at FROM timeline.campaign
        WHERE organization_id = $1 AND ($2::text IS NULL OR type = $2) AND ($3::text IS NULL OR (type, id) > ($3, $4))
        ORDER BY type, id LIMIT $5
      `,
      values: [organizationId, type ?? null, after?.type ?? null, after?.id ?? null, limit],
    });
    return rows.map((row) => ({
      type: row.type,
      id: row.id,
      name: row.name,
      namedAtMs: row.named_at.getTime(),
    }));
  },
});
