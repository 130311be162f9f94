import { clientNamedEventId, type Receipt } from '@trackline/contracts';
import type { ReadRequest } from '../domain/read-request.ts';
import type { readReceipt } from './read-receipt.ts';

/** The receipt of the event that its client named so at this source, when it also is what the rest of the request asks for. */
export const findReceipt =
  (read: ReturnType<typeof readReceipt>) =>
  async (
    organizationId: string,
    source: string,
    sourceId: string,
    { fromMs, toMs, name }: ReadRequest,
  ): Promise<Receipt[]> => {
    const receipt = await read(organizationId, clientNamedEventId(organizationId, source, sourceId));
    if (receipt === undefined || (name !== undefined && receipt.name !== name)) return [];
    const occurredAtMs = Date.parse(receipt.occurredAt);
    return occurredAtMs >= fromMs && occurredAtMs < toMs ? [receipt] : [];
  };
