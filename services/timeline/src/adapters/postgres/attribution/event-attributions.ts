import type { CampaignType } from '@trackline/contracts';
import type { Queryable } from '@trackline/postgres';
import { attribute, type Attribution } from '../../../domain/attribution.ts';
import type { ToldAttribution } from '../../../ports.ts';
import { loadFamilies, refKey } from './attribution-lock.ts';
import { EDITION_COLUMNS, editionFromRow, type EditionRow } from './edition-book.ts';
import { loadOrderFacts } from './order-facts.ts';
import { loadCaused } from './settle-orders.ts';
import { loadTouchesInVain } from './touch-reader.ts';

interface AttributionRow {
  event_id: string;
  converted: boolean;
  campaign_type: CampaignType;
  campaign_id: string;
  conversation_at: Date | null;
  amount: string | null;
  currency: string | null;
}

/** What the current edition has of the orders among the events. Why an order was not earned is found out now: it is kept nowhere. */
export async function attributionsOf(
  database: Queryable,
  organizationId: string,
  eventIds: readonly string[],
): Promise<ReadonlyMap<string, ToldAttribution>> {
  const { rows } = await database.query<AttributionRow & EditionRow>({
    name: 'timeline-attribution-of-events',
    text: `
      SELECT held.event_id, held.converted, held.campaign_type, held.campaign_id, held.conversation_at, held.amount, held.currency,
        ${EDITION_COLUMNS.split(', ')
          .map((column) => `edition.${column}`)
          .join(', ')}
      FROM timeline.edition AS edition
      JOIN timeline.attribution AS held ON held.organization_id = edition.organization_id AND held.edition = edition.edition
      WHERE edition.organization_id = $1 AND edition.state = 'current' AND held.event_id = ANY($2::uuid[]) AND held.counted
    `,
    values: [organizationId, eventIds],
  });
  const unearned = rows.filter((row) => !row.converted);
  const reasons = await whyNot(database, organizationId, unearned);
  return new Map(
    rows.map((row) => [
      row.event_id,
      {
        conversion: row.converted,
        reason: row.converted ? earnedBy(row) : (reasons.get(row.event_id) ?? 'no_conversation'),
        campaignType: row.campaign_type,
        campaignId: row.campaign_id,
        conversationAtMs: row.conversation_at?.getTime() ?? null,
        amount: row.amount,
        currency: row.currency,
        model: row.model,
        windowHours: row.window_hours,
      },
    ]),
  );
}

const earnedBy = ({ campaign_type }: AttributionRow): Attribution['reason'] =>
  campaign_type === 'organic' ? 'organic_conversation' : 'campaign_conversation';

async function whyNot(
  database: Queryable,
  organizationId: string,
  rows: readonly (AttributionRow & EditionRow)[],
): Promise<ReadonlyMap<string, Attribution['reason']>> {
  if (rows.length === 0) return new Map();
  const facts = await loadOrderFacts(
    database,
    rows.map((row) => ({ organizationId, eventId: row.event_id })),
  );
  const [families, caused] = await Promise.all([loadFamilies(database, facts), loadCaused(database, facts)]);
  const members = new Map(
    families.map((family) => [refKey({ organizationId, contactId: family.asked }), family.members]),
  );
  const { settings } = editionFromRow(rows[0]!);
  const tasks = facts.map((fact) => ({
    fact,
    members: members.get(refKey(fact)) ?? [fact.contactId],
    settings,
    causedExecutions: caused.get(fact.eventId) ?? new Set<string>(),
  }));
  const touches = await loadTouchesInVain(database, tasks);
  return new Map(
    tasks.flatMap(({ fact, causedExecutions }, i) => {
      const verdict = attribute(touches[i]!, { atMs: fact.occurredAtMs, causedExecutions }, settings);
      // Else a conversation has just come, and its attribution is on its way.
      return verdict.conversion ? [] : [[fact.eventId, verdict.reason] as const];
    }),
  );
}
