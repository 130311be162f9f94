import { decodeContactChange, type ContactChange, type RawMessage } from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import { CONTACT_ERASED } from '../domain/contact-erased.ts';
import type { ErasedDeliveries, FormerIds, Message } from '../ports.ts';
import { toCompletion } from './deliver.ts';

export interface EraseDependencies {
  readonly deliveries: ErasedDeliveries;
  readonly formerIds: FormerIds;
  readonly contactPartitions: number;
  readonly nowMs: () => number;
  /** Something is to be told. */
  readonly onEnded: () => void;
}

export type Erased = { readonly erased: number };
export type Unreadable = { readonly offset: number; readonly reason: 'undecodable'; readonly detail: string };

/**
 * Ends what is pending for contacts that were erased, and clears what is kept of the rest. What is put down for one of them later, or
 * under an id of which nothing was known yet, is ended where it would leave: whoever delivers asks whether the contact was erased.
 */
export const eraseContacts =
  (use: EraseDependencies) =>
  async (messages: readonly RawMessage[]): Promise<Erased | Unreadable> => {
    let erased = 0;
    for (const message of messages) {
      const change = read(message);
      if ('reason' in change) return { ...change, offset: message.offset };
      if (change.change !== 'erased') continue;
      await erase(change, use);
      erased += 1;
    }
    if (erased > 0) use.onEnded();
    return { erased };
  };

async function erase(
  { organizationId, contactId }: ContactChange,
  { deliveries, formerIds, contactPartitions, nowMs }: EraseDependencies,
): Promise<void> {
  const contactIds = [contactId, ...(await formerIds({ organizationId, contactId }))];
  const detail = CONTACT_ERASED;
  await deliveries.end({ organizationId, contactIds }, (pending) => ({
    detail,
    messages: pending.map(({ action, attempts }): Message =>
      toCompletion(
        { action, attempts },
        { status: 'failed', detail, completedAtMs: nowMs() },
        contactPartitions,
      ),
    ),
  }));
  await deliveries.clear({ organizationId, contactIds });
}

function read(message: RawMessage): ContactChange | Omit<Unreadable, 'offset'> {
  try {
    const change = decodeContactChange(message);
    if (!isUuid(change.organizationId) || !isUuid(change.contactId)) throw new Error('An id is no UUID.');
    return change;
  } catch (error) {
    return { reason: 'undecodable', detail: (error as Error).message };
  }
}
