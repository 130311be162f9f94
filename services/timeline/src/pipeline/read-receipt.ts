import type { Receipt } from '@trackline/contracts';
import { isUuid, type Clock } from '@trackline/kernel';
import { receivedNear } from '../domain/event-id-time.ts';
import { readableTime } from '../domain/read-request.ts';
import { windowsNewestFirst } from '../domain/read-windows.ts';
import type { StoredEvent, StoredRefusal } from '../domain/stored-event.ts';
import type { EventReader, RefusalReader } from '../ports.ts';
import { completeReceipts, type ReceiptParts } from './complete-receipts.ts';

export interface ReceiptSources extends ReceiptParts {
  readonly events: EventReader;
  readonly refusals: RefusalReader;
  readonly clock: Clock;
}

/** The receipt of an event; `undefined` while it is not judged, or was never seen. An admission goes before all refusals of the same event. */
export const readReceipt = (sources: ReceiptSources) => {
  const complete = completeReceipts(sources);
  return async (organizationId: string, eventId: string): Promise<Receipt | undefined> => {
    if (!isUuid(eventId)) return undefined;
    const [refusal, admitted] = await Promise.all([
      sources.refusals.byId(organizationId, eventId),
      findAdmitted(sources, organizationId, eventId),
    ]);
    const row: StoredEvent | StoredRefusal | undefined = admitted ?? refusal;
    return row && (await complete(organizationId, [row]))[0];
  };
};

/** From the id's own time backwards where it tells one, else from now: most events are in the first month that is looked at. */
async function findAdmitted(
  { events, clock }: ReceiptSources,
  organizationId: string,
  eventId: string,
): Promise<StoredEvent | undefined> {
  const { fromMs, toMs } = readableTime(clock.now());
  for (const window of windowsNewestFirst(fromMs, Math.min(toMs, receivedNear(eventId) ?? toMs))) {
    const event = await events.byId(organizationId, eventId, window);
    if (event) return event;
  }
  return undefined;
}
