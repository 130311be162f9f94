import { createHash } from 'node:crypto';
import type { Campaign, TouchedConversation } from '@trackline/contracts';
import type { SeenMessage } from './seen-message.ts';

const ID_BYTES = 16;

/** The id of what is told: the same whenever it is told again. Each part is preceded by its length, so that no two lists meet. */
export function touchId(parts: readonly string[]): string {
  const hash = createHash('sha256').update('conversation');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest().subarray(0, ID_BYTES).toString('hex');
}

/** What Meta told of a message, as evidence of a conversation with its contact. */
export function touchOfMessage(
  organizationId: string,
  contactId: string,
  message: SeenMessage,
): TouchedConversation {
  const { messageId, phoneNumberId, direction, occurredAtMs, status, referral, executionId } = message;
  const campaign = campaignOf(message);
  return {
    id: touchId([organizationId, 'meta', messageId, direction, status ?? '']),
    organizationId,
    contactId,
    direction,
    occurredAtMs,
    source: 'meta',
    ...(status && { status }),
    messageId,
    phoneNumberId,
    ...(campaign && { campaign }),
    ...(executionId === undefined ? undefined : { executionId }),
    ...(referral && { referral }),
  };
}

function campaignOf({ referral, workflowId }: SeenMessage): Campaign | undefined {
  if (workflowId !== undefined) return { type: 'automation', id: workflowId };
  if (referral?.sourceId === undefined) return undefined;
  const { sourceId, headline } = referral;
  return { type: 'ad', id: sourceId, ...(headline === undefined ? undefined : { name: headline }) };
}
