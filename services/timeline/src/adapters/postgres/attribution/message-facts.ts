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
      JOIN timeline.conversation AS held ON held.organization_id = wanted.organization_id AND held.message_key = wanted.message_key
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

export async function updateMessages(tx: Queryable, facts: readonly MessageFact[]): Promise<void> {
  if (facts.length === 0) return;
  await tx.query({
    name: 'timeline-update-messages',
    text: `
      UPDATE timeline.conversation AS held SET occurred_at = told.occurred_at, outbound = told.outbound, stage = told.stage, failed = told.failed,
        weight = told.weight, campaign_type = told.campaign_type, campaign_id = told.campaign_id, click_key = told.click_key, execution_id = told.execution_id
      FROM ${ROWS} WHERE held.organization_id = told.organization_id AND held.message_key = told.message_key
    `,
    values: values(facts),
  });
}

const NAME_CAMPAIGNS = `
  WITH told AS (
    SELECT DISTINCT ON (organization_id, type, id) *
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) AS told (organization_id, type, id, name, named_at)
    ORDER BY organization_id, type, id, name IS NOT NULL DESC, named_at DESC, name DESC
  ), renamed AS (
    UPDATE timeline.campaign AS held SET name = told.name, named_at = told.named_at
    FROM told
    WHERE held.organization_id = told.organization_id AND held.type = told.type AND held.id = told.id AND told.name IS NOT NULL
      AND held.name IS DISTINCT FROM told.name AND (held.name IS NULL OR (told.named_at, told.name) > (held.named_at, held.name))
  )
  INSERT INTO timeline.campaign (organization_id, type, id, name, named_at)
  SELECT organization_id, type, id, name, named_at FROM told
  WHERE NOT EXISTS (
    SELECT FROM timeline.campaign AS held WHERE held.organization_id = told.organization_id AND held.type = told.type AND held.id = told.id
  )
  ORDER BY organization_id, type, id
  ON CONFLICT DO NOTHING
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
