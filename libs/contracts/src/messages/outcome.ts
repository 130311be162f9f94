import type { EncodedMessage, RawMessage } from './headers.ts';
import { OUTCOMES } from '../topics.ts';

/** What became of one event, for the caller that waits. */
export interface Outcome {
  /** As in the event's reply-to. */
  readonly correlation: string;
  readonly eventId: string;
  /** `accepted`: a resend whose first judgement has not taken effect yet; the receipt tells the rest. */
  readonly verdict: 'admitted' | 'accepted' | 'duplicate' | 'over_limit';
  readonly duplicateOf?: string;
  readonly workflowsTriggered: number;
  readonly executionsResumed: number;
  /** The organisation's events of the month as they stand after this one. */
  readonly monthUsed: number;
}

export interface ReplyTo {
  readonly partition: number;
  readonly correlation: string;
}

export const formatReplyTo = (replyTo: ReplyTo): string => `${replyTo.partition}/${replyTo.correlation}`;

/** `undefined` for text that is no reply-to: then nobody can be waiting. */
export function parseReplyTo(text: string | undefined): ReplyTo | undefined {
  if (text === undefined) return undefined;
  const slash = text.indexOf('/');
  const partition = Number(text.slice(0, slash));
  return slash > 0 && Number.isInteger(partition)
    ? { partition, correlation: text.slice(slash + 1) }
    : undefined;
}

/** One message carries the outcomes of a batch that go to one partition. */
export const encodeOutcomes = (
  partition: number,
  outcomes: readonly Outcome[],
): EncodedMessage & { partition: number } => ({
  topic: OUTCOMES,
  partition,
  key: null,
  value: JSON.stringify({ outcomes }),
  headers: { 'content-type': 'application/json' },
});

export const decodeOutcomes = (message: RawMessage): readonly Outcome[] =>
  message.value === null
    ? []
    : (JSON.parse(message.value.toString('utf8')) as { outcomes: Outcome[] }).outcomes;
