import {
  encodeAdmitted,
  encodeOutcomes,
  encodeRefused,
  encodeUsageNotice,
  parseReplyTo,
  partitionOf,
  type EncodedMessage,
  type JudgedEvent,
  type Outcome,
  type Refusal,
} from '@trackline/contracts';
import type { RaisedNotice } from './usage-notice.ts';
import { isEvent, type Decision, type Verdict } from './verdict.ts';

export type Partitioned = EncodedMessage & { readonly partition: number };

/**
 * What is published for decisions of one source partition, in their order. Those who wait for a refused event are answered here, all
 * of one reply partition in one message; an admitted one is answered by trigger, which knows what it did.
 */
export function toVerdictMessages(decisions: readonly Decision[], contactPartitions: number): Partitioned[] {
  const messages: Partitioned[] = [];
  const answers = new Map<number, Outcome[]>();
  for (const decision of decisions) {
    if (!isEvent(decision) || isNoVerdict(decision.outcome)) continue;
    const { event, outcome } = decision;
    const message = toVerdictMessage(event, outcome);
    messages.push(Object.assign(message, { partition: partitionOf(message.key!, contactPartitions) }));
    if (outcome.kind === 'duplicate' || outcome.kind === 'over_limit') answer(answers, event, outcome);
  }
  for (const [partition, outcomes] of answers) messages.push(encodeOutcomes(partition, outcomes));
  return messages;
}

export const toNoticeMessages = (notices: readonly RaisedNotice[]): Partitioned[] =>
  notices.map(({ offset: _position, ...notice }) => ({ ...encodeUsageNotice(notice), partition: 0 }));

const isNoVerdict = (outcome: Decision['outcome']): outcome is Exclude<Decision['outcome'], Verdict> =>
  outcome.kind === 'dead_letter' || outcome.kind === 'tick';

function toVerdictMessage(event: JudgedEvent, verdict: Verdict): EncodedMessage {
  // Not by spreading: of an object with this many fields that takes as long as encoding it.
  const judged = Object.assign({}, event, { monthUsed: verdict.monthUsed });
  switch (verdict.kind) {
    case 'admitted':
      return encodeAdmitted(judged);
    case 'replay':
      return encodeAdmitted({ ...judged, contactId: verdict.contactId, replayOf: verdict.first });
    case 'duplicate':
    case 'over_limit':
      return encodeRefused(Object.assign(judged, { refusal: toRefusal(verdict) }));
  }
}

type Refused = Extract<Verdict, { kind: 'duplicate' | 'over_limit' }>;

const toRefusal = (verdict: Refused): Refusal =>
  verdict.kind === 'duplicate'
    ? { verdict: 'duplicate', duplicateOf: verdict.of }
    : { verdict: 'over_limit' };

function answer(answers: Map<number, Outcome[]>, event: JudgedEvent, verdict: Refused): void {
  const replyTo = parseReplyTo(event.replyTo);
  if (!replyTo) return;
  const outcome: Outcome = {
    correlation: replyTo.correlation,
    eventId: event.eventId,
    verdict: verdict.kind,
    ...(verdict.kind === 'duplicate' ? { duplicateOf: verdict.of } : undefined),
    workflowsTriggered: 0,
    executionsResumed: 0,
    monthUsed: verdict.monthUsed,
  };
  const others = answers.get(replyTo.partition);
  if (others) others.push(outcome);
  else answers.set(replyTo.partition, [outcome]);
}
