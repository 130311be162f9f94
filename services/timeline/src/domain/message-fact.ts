import { createHash } from 'node:crypto';
import type { AnyCompletedAction, TouchedConversation } from '@trackline/contracts';
import type { TouchCampaign } from './attribution.ts';
import { UNKNOWN_AD } from './meta-event.ts';

/**
 * All that is known of one message: each telling of it (sent, delivered, read, by whom) is folded in, in whatever order they come and however often.
 * Ids of messages and clicks are kept as hashes: WhatsApp's hold the phone number.
 */
export interface MessageFact {
  readonly organizationId: string;
  readonly key: string;
  /** Whoever it was first told of; a merge is followed when reading. */
  readonly contactId: string;
  /** The earliest moment that was told of it. */
  readonly atMs: number;
  readonly outbound: boolean;
  /** How far it came, of an outbound one: 1 sent, 2 delivered, 3 read. */
  readonly stage: number;
  readonly failed: boolean;
  readonly campaign: TouchCampaign;
  readonly clickKey: string | null;
  readonly executionId: string | null;
}

/** What a telling says beside the fact: how its campaign is called. */
export interface NamedCampaign extends TouchCampaign {
  readonly organizationId: string;
  readonly name: string | null;
  readonly atMs: number;
}

export interface ToldMessage {
  readonly fact: MessageFact;
  readonly campaign?: NamedCampaign;
}

export const ORGANIC: TouchCampaign = { type: 'organic', id: '' };

const STAGES = { sent: 1, delivered: 2, read: 3, failed: 1 } as const;

/** 128 bits of SHA-256 in the form of a UUID, each part preceded by its length. */
function hashed(kind: string, organizationId: string, id: string): string {
  const hex = createHash('sha256').update(`${kind}${organizationId}${id.length}:${id}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

export const messageKey = (organizationId: string, messageId: string): string =>
  hashed('message', organizationId, messageId);

export const clickKey = (organizationId: string, ctwaClid: string): string =>
  hashed('click', organizationId, ctwaClid);

function campaignOf({ campaign, referral }: TouchedConversation): TouchCampaign & { name?: string } {
  if (campaign !== undefined) return campaign.type === 'organic' ? ORGANIC : campaign;
  if (referral === undefined) return ORGANIC;
  const { headline } = referral;
  return {
    type: 'ad',
    id: referral.sourceId ?? UNKNOWN_AD,
    ...(headline === undefined ? undefined : { name: headline }),
  };
}

export function fromTouch(touch: TouchedConversation): ToldMessage {
  const { organizationId, contactId, occurredAtMs: atMs, messageId } = touch;
  const { type, id, name } = campaignOf(touch);
  const outbound = touch.direction === 'outbound';
  const clid = touch.referral?.ctwaClid;
  return {
    fact: {
      organizationId,
      key:
        messageId === undefined
          ? hashed('touch', organizationId, touch.id)
          : messageKey(organizationId, messageId),
      contactId,
      atMs,
      outbound,
      stage: outbound ? STAGES[touch.status ?? 'sent'] : 0,
      failed: touch.status === 'failed',
      campaign: { type, id },
      clickKey: clid === undefined ? null : clickKey(organizationId, clid),
      executionId: touch.executionId ?? null,
    },
    ...(type === 'organic'
      ? undefined
      : { campaign: { organizationId, type, id, name: name ?? null, atMs } }),
  };
}

/** A message that a workflow had delivered is a conversation of that automation; the rest of the actions are none. */
export function fromAction(action: AnyCompletedAction): ToldMessage | undefined {
  if (action.kind !== 'whatsapp' || action.status !== 'delivered') return undefined;
  const {
    organizationId,
    contactId,
    executionId,
    workflowId,
    completedAtMs: atMs,
    providerMessageId,
  } = action;
  const campaign: TouchCampaign = { type: 'automation', id: workflowId };
  return {
    fact: {
      organizationId,
      key:
        providerMessageId === undefined
          ? hashed('action', organizationId, action.id)
          : messageKey(organizationId, providerMessageId),
      contactId,
      atMs,
      outbound: true,
      // Delivered to the messenger; that it reached the phone is the messenger's to say.
      stage: STAGES.sent,
      failed: false,
      campaign,
      clickKey: null,
      executionId,
    },
    campaign: { organizationId, ...campaign, name: null, atMs },
  };
}

const RANK = { automation: 3, broadcast: 2, ad: 1, organic: 0 } as const;

/** Of two campaigns that a message was said to be of, always the same one. */
const strongerOf = (a: TouchCampaign, b: TouchCampaign): TouchCampaign =>
  RANK[a.type] === RANK[b.type] ? (a.id <= b.id ? a : b) : RANK[a.type] > RANK[b.type] ? a : b;

const lesserOf = (a: string | null, b: string | null): string | null =>
  a === null || b === null ? (a ?? b) : a < b ? a : b;

/** Both tellings of one message as one; but for the contact, which is the held one's, the order does not matter. */
export const fold = (held: MessageFact, told: MessageFact): MessageFact => ({
  organizationId: held.organizationId,
  key: held.key,
  contactId: held.contactId,
  atMs: Math.min(held.atMs, told.atMs),
  outbound: held.outbound || told.outbound,
  stage: Math.max(held.stage, told.stage),
  failed: held.failed || told.failed,
  campaign: strongerOf(held.campaign, told.campaign),
  clickKey: lesserOf(held.clickKey, told.clickKey),
  executionId: lesserOf(held.executionId, told.executionId),
});

/** 0: it never reached anybody and is no conversation; 1: organic; 2: of a campaign, which goes first. */
export const weightOf = ({ failed, stage, campaign }: MessageFact): 0 | 1 | 2 =>
  failed && stage < STAGES.delivered ? 0 : campaign.type === 'organic' ? 1 : 2;

export const sameFact = (a: MessageFact, b: MessageFact): boolean =>
  a.atMs === b.atMs &&
  a.outbound === b.outbound &&
  a.stage === b.stage &&
  a.failed === b.failed &&
  a.campaign.type === b.campaign.type &&
  a.campaign.id === b.campaign.id &&
  a.clickKey === b.clickKey &&
  a.executionId === b.executionId;
