import type { EncodedMessage, RawMessage } from './headers.ts';
import { contactKey, required } from './headers.ts';
import { CONVERSATIONS } from '../topics.ts';

export const CAMPAIGN_TYPES = ['broadcast', 'automation', 'ad', 'organic'] as const;
export type CampaignType = (typeof CAMPAIGN_TYPES)[number];

/** What a conversation was part of. `organic`: nothing that anybody planned. */
export interface Campaign {
  readonly type: CampaignType;
  /** Of an ad: Meta's `source_id`. Of an automation: the workflow's id. */
  readonly id: string;
  readonly name?: string;
}

/** Of Meta's `referral`: the ad that a customer came from. */
export interface AdReferral {
  readonly ctwaClid?: string;
  readonly sourceId?: string;
  readonly sourceType?: string;
  readonly headline?: string;
}

/** One message to or from a contact, or a later word on one that was sent. Evidence, not an event: it is not metered. */
export interface TouchedConversation {
  /** A hash of what it tells (source, message id, status): the same whenever it is told again, which then has no effect. */
  readonly id: string;
  readonly organizationId: string;
  readonly contactId: string;
  /** `outbound`: to the contact. */
  readonly direction: 'outbound' | 'inbound';
  /** Milliseconds since the epoch: when the message was sent, or got this status. */
  readonly occurredAtMs: number;
  readonly source: 'meta' | 'api' | 'workflow';
  /** Of an outbound message; `sent` when nothing else is known. */
  readonly status?: 'sent' | 'delivered' | 'read' | 'failed';
  /** How the messenger names the message: WhatsApp's `wamid`. */
  readonly messageId?: string;
  /** The number of the organisation, as Meta names it. */
  readonly phoneNumberId?: string;
  readonly campaign?: Campaign;
  /** Which execution of a workflow sent it. */
  readonly executionId?: string;
  readonly referral?: AdReferral;
}

export const encodeTouchedConversation = (touch: TouchedConversation): EncodedMessage => ({
  topic: CONVERSATIONS,
  key: contactKey(touch.organizationId, touch.contactId),
  value: JSON.stringify(touch),
  headers: {
    ce_specversion: '1.0',
    ce_id: touch.id,
    ce_type: 'com.trackline.conversation.touched',
    ce_source: `/organizations/${touch.organizationId}/${touch.source}`,
    ce_time: new Date(touch.occurredAtMs).toISOString(),
    ce_organization: touch.organizationId,
    ce_contact: touch.contactId,
    'content-type': 'application/json',
  },
});

export function decodeTouchedConversation(message: RawMessage): TouchedConversation {
  required(message.headers, 'ce_id');
  return JSON.parse((message.value ?? Buffer.from('{}')).toString('utf8')) as TouchedConversation;
}
