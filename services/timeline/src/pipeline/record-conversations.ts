import {
  decodeCompletedAction,
  decodeTouchedConversation,
  CAMPAIGN_TYPES,
  type RawMessage,
} from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import { fromAction, fromTouch, type ToldMessage } from '../domain/message-fact.ts';
import { isSaneTime } from '../domain/retention.ts';
import type { ConversationWriter, OwnPartition } from '../ports.ts';
import type { Poison } from './poison.ts';
import type { Recorded } from './record-judged.ts';

/** Beyond this an index cannot hold it. */
const MAX_CAMPAIGN_ID = 255;

/** What was told wrongly, so that it can never be put down. */
class Untellable extends Error {}

function checked(told: ToldMessage): ToldMessage {
  const { organizationId, contactId, executionId, atMs, campaign } = told.fact;
  for (const id of [organizationId, contactId, executionId ?? contactId]) {
    if (typeof id !== 'string' || !isUuid(id)) throw new Untellable(`"${id}" is no id.`);
  }
  if (!Number.isFinite(atMs)) throw new Untellable('It has no time.');
  if (!CAMPAIGN_TYPES.includes(campaign.type))
    throw new Untellable(`"${campaign.type}" is no kind of campaign.`);
  const texts = [campaign.id, told.campaign?.name ?? ''];
  if (texts.some((text) => typeof text !== 'string' || text.includes('\0'))) {
    throw new Untellable('The campaign has an id or name that cannot be stored.');
  }
  if (campaign.id.length > MAX_CAMPAIGN_ID) {
    throw new Untellable(`The id of the campaign is longer than ${MAX_CAMPAIGN_ID} characters.`);
  }
  return told;
}

type Decode = (message: RawMessage) => ToldMessage | undefined;

const fromConversations: Decode = (message) => fromTouch(decodeTouchedConversation(message));
const fromActions: Decode = (message) => fromAction(decodeCompletedAction(message));

/** Messages that were told of. They fold into what is known whenever and however often they come: no positions are needed. */
const recordMessages =
  (decode: Decode) =>
  (writer: ConversationWriter, nowMs: () => number) =>
  async (batch: OwnPartition & { readonly messages: readonly RawMessage[] }): Promise<Recorded | Poison> => {
    const told: ToldMessage[] = [];
    for (const message of batch.messages) {
      const { offset } = message;
      try {
        const one = decode(message);
        if (one === undefined) continue;
        const { atMs } = checked(one).fact;
        if (!isSaneTime(atMs, nowMs())) {
          return { offset, reason: 'time_out_of_range', detail: `It happened at ${atMs} ms.` };
        }
        told.push(one);
      } catch (error) {
        return { offset, reason: 'undecodable', detail: (error as Error).message };
      }
    }
    const written = told.length === 0 ? 0 : await writer.commit(batch, told);
    return { written, passedOver: batch.messages.length - told.length };
  };

/** `conversations.touched.v1`: what the messenger, or who sends elsewhere, tells of messages. */
export const recordConversations = recordMessages(fromConversations);

/** `actions.completed.v1`: what our own workflows sent. */
export const recordActions = recordMessages(fromActions);
