import type { CampaignItem } from '@trackline/contracts';
import { campaignName } from '../domain/report.ts';
import type { CampaignPlace, CampaignReader } from '../ports.ts';

const SEPARATOR = '/';

const decode = (cursor: string): CampaignPlace | undefined => {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const at = text.indexOf(SEPARATOR);
  return at < 1 ? undefined : { type: text.slice(0, at), id: text.slice(at + 1) };
};

const encode = ({ type, id }: CampaignPlace): string =>
  Buffer.from(`${type}${SEPARATOR}${id}`).toString('base64url');

/** A page of the organisation's campaigns, by type and id; `undefined`: the cursor is not one of ours. */
export const listCampaigns =
  (campaigns: CampaignReader) =>
  async (
    organizationId: string,
    {
      type,
      cursor,
      limit,
    }: { readonly type?: string | undefined; readonly cursor?: string | undefined; readonly limit: number },
  ): Promise<{ items: CampaignItem[]; nextCursor: string | null } | undefined> => {
    const after = cursor === undefined ? undefined : decode(cursor);
    if (cursor !== undefined && after === undefined) return undefined;
    const rows = await campaigns.list(organizationId, { type, after, limit: limit + 1 });
    const page = rows.slice(0, limit);
    return {
      items: page.map((row) => ({
        id: row.id,
        name: row.name ?? campaignName(row.type, row.id, new Map()),
        type: row.type,
        namedAt: new Date(row.namedAtMs).toISOString(),
      })),
      nextCursor: rows.length > limit ? encode(page.at(-1)!) : null,
    };
  };
