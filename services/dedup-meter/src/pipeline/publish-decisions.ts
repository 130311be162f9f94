import { ADMITTED, type RawMessage } from '@trackline/contracts';
import type { RaisedNotice } from '../domain/usage-notice.ts';
import { toNoticeMessages, toVerdictMessages } from '../domain/verdict-messages.ts';
import type { Decision } from '../domain/verdict.ts';
import { Unavailable, type Outlet } from '../ports.ts';
import type { OwnedSource } from './owned-source.ts';

export interface PublishTools {
  readonly outlet: Outlet;
  readonly contactPartitions: number;
}

export interface ToPublish {
  /** In order of offset. */
  readonly decisions: readonly Decision[];
  readonly notices: readonly RaisedNotice[];
  readonly messages: readonly RawMessage[];
}

/** Publishes what was decided, in one go, and notes how far the source has come. They stand already: a failure here can only be tried again. */
export function publishDecisions({ outlet, contactPartitions }: PublishTools) {
  return async function publish(
    { topic, partition }: { readonly topic: string; readonly partition: number },
    source: OwnedSource,
    { decisions, notices, messages }: ToPublish,
  ): Promise<void> {
    const outgoing = [...toVerdictMessages(decisions, contactPartitions), ...toNoticeMessages(notices)];
    for (const { offset, outcome } of decisions) {
      if (outcome.kind !== 'dead_letter') continue;
      const message = messages.find((one) => one.offset === offset)!;
      outgoing.push(outlet.toDeadLetter({ topic, partition }, message, outcome));
    }
    try {
      const acknowledgements = outgoing.length === 0 ? [] : await outlet.publish(outgoing);
      const { decided } = source;
      for (const { topic: acknowledged, partition: target, lastOffset } of acknowledgements) {
        if (acknowledged !== ADMITTED) continue;
        decided.admittedEnds.set(target, Math.max(decided.admittedEnds.get(target) ?? 0, lastOffset + 1));
      }
      decided.decidedUpToMs = Math.max(decided.decidedUpToMs, messages.at(-1)!.timestampMs);
    } catch (error) {
      throw new Unavailable('Verdicts that stand could not be published.', { cause: error });
    }
  };
}
