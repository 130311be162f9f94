import type { CampaignType } from '@trackline/contracts';
import type { Queryable } from '@trackline/postgres';
import { weightOf, type MessageFact, type NamedCampaign } from '../../../domain/message-fact.ts';

interface MessageRow {
  organization_id: string;
  message_key: string;
  contact_id: string;
  occurred_at: Date;
  outbound: boolean;
  stage: number;
  failed: boolean;
  campaign_type: CampaignType;
  campaign_id: string;
  click_key: string | null;
  execution_id: string | null;
}

const fromRow = (row: MessageRow): MessageFact => ({
  organizationId: row.organization_id,
  key: row.message_key,
  contactId: row.contact_id,
  atMs: row.occurred_at.getTime(),
  outbound: row.outbound,
  stage: row.stage,
  failed: row.failed,
  campaign: { type: row.campaign_type, id: row.campaign_id },
  clickKey: row.click_key,
  executionId: row.execution_id,
});

export const factKey = ({ organizationId, key }: Pick<MessageFact, 'organizationId' | 'key'>): string =>
  `${organizationId}/${key}`;

/** Those of the messages that are there, by `factKey`. */
export async function loadMessages(
  tx: Queryable,
  wanted: readonly Pick<MessageFact, 'organizationId' | 'key'>[],
): Promise<Map<string, MessageFact>> {
  const { rows } = await tx.query<MessageRow>({
    name: 'timeline-messages',
    text: `
      SELECT held.organization_id, held.message_key, held.contact_id, held.occurred_at, held.outbound, held.stage, held.failed,
        held.campaign_type, held.campaign_id, held.click_key, held.execution_id
      FROM unnest($1::uuid[], $2::uuid[]) AS wanted (organization_id, message_key)
      CROSS JOIN LATERAL (
        SELECT * FROM timeline.conversation AS one
        WHERE one.organization_id = wanted.organization_id AND one.message_key = wanted.message_key LIMIT 1
      ) AS held
    `,
    values: [wanted.map((one) => one.organizationId), wanted.map((one) => one.key)],
  });
  return new Map(rows.map(fromRow).map((fact) => [factKey(fact), fact]));
}

const COLUMNS =
  'organization_id, message_key, contact_id, occurred_at, outbound, stage, failed, weight, campaign_type, campaign_id, click_key, execution_id';
const ROWS = `
  unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::boolean[], $6::smallint[], $7::boolean[], $8::smallint[],
    $9::text[], $10::text[], $11::uuid[], $12::uuid[]) AS told (${COLUMNS})
`;

const values = (facts: readonly MessageFact[]): unknown[] => [
  facts.map((fact) => fact.organizationId),
  facts.map((fact) => fact.key),
  facts.map((fact) => fact.contactId),
  facts.map((fact) => new Date(fact.atMs).toISOString()),
  facts.map((fact) => fact.outbound),
  facts.map((fact) => fact.stage),
  facts.map((fact) => fact.failed),
  facts.map(weightOf),
  facts.map((fact) => fact.campaign.type),
  facts.map((fact) => fact.campaign.id),
  facts.map((fact) => fact.clickKey),
  facts.map((fact) => fact.executionId),
];

/** How many were put down: fewer than given when another contact's transaction put the same message down meanwhile. */
export async function insertMessages(tx: Queryable, facts: readonly MessageFact[]): Promise<number> {
  if (facts.length === 0) return 0;
  const { rowCount } = await tx.query({
    name: 'timeline-insert-messages',
    text: `
      INSERT INTO timeline.conversation (${COLUMNS}) SELECT ${COLUMNS} FROM ${ROWS} ORDER BY organization_id, message_key
      ON CONFLICT DO NOTHING
    `,
    values: values(facts),
  });
  return rowCount;
}

/** They are there: an upsert finds them by their key, whatever the planner thinks of the table. */
export async function updateMessages(tx: Queryable, facts: readonly MessageFact[]): Promise<void> {
  if (facts.length === 0) return;
  await tx.query({
    name: 'timeline-update-messages',
    text: `
      INSERT INTO timeline.conversation (${COLUMNS}) SELECT ${COLUMNS} FROM ${ROWS} ORDER BY organization_id, message_key
      ON CONFLICT (organization_id, message_key) DO UPDATE SET
        occurred_at = excluded.occurred_at, outbound = excluded.outbound, stage = excluded.stage, failed = excluded.failed, weight = excluded.weight,
        campaign_type = excluded.campaign_type, campaign_id = excluded.campaign_id, click_key = excluded.click_key, execution_id = excluded.execution_id
    `,
    values: values(facts),
  });
}

const NAME_CAMPAIGNS = `
  WITH told AS (
    SELECT DISTINCT ON (organization_id, type, id) *
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) AS told (organization_id, type, id, name, named_at)
    ORDER BY organization_id, type, id, name IS NOT NULL DESC, named_at DESC, name DESC
  ), news AS (
    SELECT told.* FROM told LEFT JOIN LATERAL (
      SELECT name, named_at FROM timeline.campaign AS one
      WHERE one.organization_id = told.organization_id AND one.type = told.type AND one.id = told.id LIMIT 1
    ) AS held ON true
    WHERE held.named_at IS NULL OR (told.name IS NOT NULL AND held.name IS DISTINCT FROM told.name
      AND (held.name IS NULL OR (told.named_at, told.name) > (held.named_at, held.name)))
  )
  INSERT INTO timeline.campaign AS held (organization_id, type, id, name, named_at)
  SELECT organization_id, type, id, name, named_at FROM news ORDER BY organization_id, type, id
  ON CONFLICT (organization_id, type, id) DO UPDATE SET name = excluded.name, named_at = excluded.named_at
  WHERE excluded.name IS NOT NULL AND (held.name IS NULL OR (excluded.named_at, excluded.name) > (held.named_at, held.name))
`;

/** A campaign has the name that it was given last. Those that are known so already are not touched: everybody's batches tell of them. */
export async function nameCampaigns(tx: Queryable, campaigns: readonly NamedCampaign[]): Promise<void> {
  if (campaigns.length === 0) return;
  await tx.query({
    name: 'timeline-name-campaigns',
    text: NAME_CAMPAIGNS,
    values: [
      campaigns.map((campaign) => campaign.organizationId),
      campaigns.map((campaign) => campaign.type),
      campaigns.map((campaign) => campaign.id),
      campaigns.map((campaign) => campaign.name),
      campaigns.map((campaign) => new Date(campaign.atMs).toISOString()),
    ],
  });
}
