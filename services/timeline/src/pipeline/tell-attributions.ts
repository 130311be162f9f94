import type { EventAttribution } from '@trackline/contracts';
import { campaignName } from '../domain/report.ts';
import { formatAmount } from '../domain/revenue.ts';
import type { CampaignReader, ReportReader, ToldAttribution } from '../ports.ts';

interface AttributionSources {
  readonly attributions: Pick<ReportReader, 'ofEvents'>;
  readonly campaigns: Pick<CampaignReader, 'names'>;
}

/** By event id: who earned each of the orders among the events, or why nobody did. */
export async function tellAttributions(
  { attributions, campaigns }: AttributionSources,
  organizationId: string,
  eventIds: readonly string[],
): Promise<ReadonlyMap<string, EventAttribution>> {
  if (eventIds.length === 0) return new Map();
  const found = await attributions.ofEvents(organizationId, eventIds);
  const earners = [...found.values()].filter(({ conversion }) => conversion);
  const names = await campaigns.names(
    organizationId,
    earners.map(({ campaignType, campaignId }) => ({ type: campaignType, id: campaignId })),
  );
  return new Map([...found].map(([eventId, told]) => [eventId, toAttribution(told, names)]));
}

const toAttribution = (told: ToldAttribution, names: ReadonlyMap<string, string>): EventAttribution => ({
  conversion: told.conversion,
  reason: told.reason,
  ...(told.conversion
    ? {
        campaign: {
          type: told.campaignType,
          id: told.campaignId || told.campaignType,
          name: campaignName(told.campaignType, told.campaignId, names),
        },
      }
    : undefined),
  ...(told.conversationAtMs === null
    ? undefined
    : { conversationAt: new Date(told.conversationAtMs).toISOString() }),
  ...(told.amount === null || told.currency === null
    ? undefined
    : { revenue: { currency: told.currency, amount: formatAmount(told.amount, told.currency) } }),
  model: told.model,
  windowHours: told.windowHours,
});
