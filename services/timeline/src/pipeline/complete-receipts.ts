import type { Receipt } from '@trackline/contracts';
import { isRefusal, toReceipt } from '../domain/receipt.ts';
import type { StoredEffect, StoredEvent, StoredRefusal } from '../domain/stored-event.ts';
import type { CampaignReader, ContactReader, EffectReader, ReportReader } from '../ports.ts';
import { tellAttributions } from './tell-attributions.ts';

export interface ReceiptParts {
  readonly contacts: ContactReader;
  readonly effects: EffectReader;
  readonly attributions: Pick<ReportReader, 'ofEvents'>;
  readonly campaigns: Pick<CampaignReader, 'names'>;
}

/** Clocks of two services differ; an effect is put down with the time of the service that had it. */
const CLOCK_SLACK_MS = 86_400_000;

/** Receipts of the rows, in their order, with what the events did and who their contacts are by now. */
export const completeReceipts =
  ({ contacts, effects, attributions, campaigns }: ReceiptParts) =>
  async (organizationId: string, rows: readonly (StoredEvent | StoredRefusal)[]): Promise<Receipt[]> => {
    if (rows.length === 0) return [];
    const admitted = rows.filter((row) => !isRefusal(row));
    const sinceMs = Math.min(...admitted.map((row) => row.receivedAtMs)) - CLOCK_SLACK_MS;
    const [aliases, found, attributed] = await Promise.all([
      contacts.aliases(organizationId, [...new Set(rows.map((row) => row.contactId))]),
      admitted.length === 0
        ? []
        : effects.ofEvents(
            organizationId,
            admitted.map((row) => row.id),
            sinceMs,
          ),
      tellAttributions(
        { attributions, campaigns },
        organizationId,
        admitted.map((row) => row.id),
      ),
    ]);
    const byEvent = new Map<string, StoredEffect[]>();
    for (const effect of found) {
      const others = byEvent.get(effect.eventId);
      if (others) others.push(effect);
      else byEvent.set(effect.eventId, [effect]);
    }
    return rows.map((row) =>
      toReceipt(
        row,
        aliases.get(row.contactId) ?? row.contactId,
        isRefusal(row) ? [] : (byEvent.get(row.id) ?? []),
        isRefusal(row) ? undefined : attributed.get(row.id),
      ),
    );
  };
