import type { Receipt } from '@trackline/contracts';
import { isClientNamed } from '../domain/event-id-time.ts';
import { inOneOrder } from '../domain/in-one-order.ts';
import { readableTime, type ReadRequest } from '../domain/read-request.ts';
import { isRefusal } from '../domain/receipt.ts';
import type { StoredEvent, StoredRefusal } from '../domain/stored-event.ts';
import { completeReceipts } from './complete-receipts.ts';
import { fillPage, type FilledPage } from './fill-page.ts';
import type { ReceiptSources } from './read-receipt.ts';

type Row = StoredEvent | StoredRefusal;

/** A page of an organisation's receipts, admitted and refused in one order. */
export const listReceipts = (sources: ReceiptSources) => {
  const complete = completeReceipts(sources);
  return async (organizationId: string, request: ReadRequest): Promise<FilledPage<Receipt>> => {
    const page = await fillPage<Row>(request, async (stretch) => {
      const wanted = { ...stretch, source: request.source };
      const [events, refusals] = await Promise.all([
        sources.events.ofOrganization(organizationId, wanted),
        sources.refusals.ofOrganization(organizationId, wanted),
      ]);
      return inOneOrder<Row>(events, refusals, stretch.limit);
    });
    const items = await withoutLaterAdmitted(sources, organizationId, page.items);
    return { items: await complete(organizationId, items), nextCursor: page.nextCursor };
  };
};

/** An event that was refused by the cap and admitted when it was sent again has one receipt: the admission's. */
async function withoutLaterAdmitted(
  { events, clock }: ReceiptSources,
  organizationId: string,
  rows: readonly Row[],
): Promise<readonly Row[]> {
  const doubtful = rows.filter(
    (row) => isRefusal(row) && row.verdict === 'over_limit' && isClientNamed(row.id),
  );
  if (doubtful.length === 0) return rows;
  const admitted = await events.admitted(
    organizationId,
    doubtful.map((row) => row.id),
    readableTime(clock.now()),
  );
  return rows.filter((row) => !isRefusal(row) || !admitted.has(row.id));
}
