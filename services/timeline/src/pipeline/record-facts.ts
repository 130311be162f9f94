import type { RawMessage } from '@trackline/contracts';
import { isSaneTime } from '../domain/retention.ts';
import type { Commit, OwnPartition } from '../ports.ts';
import type { Poison } from './poison.ts';
import type { Recorded } from './record-judged.ts';

export interface FactRecording<Fact> {
  /** `undefined`: nothing to put down. */
  readonly decode: (message: RawMessage) => Fact | undefined;
  readonly writer: {
    commit(owner: OwnPartition, facts: readonly Fact[]): Promise<Exclude<Commit, { kind: 'overtaken' }>>;
  };
  readonly nowMs: () => number;
}

/** Facts with a key of their own, which are put down once however often and in whatever order they come: no positions are needed. */
export const recordFacts =
  <Fact extends { readonly atMs: number }>({ decode, writer, nowMs }: FactRecording<Fact>) =>
  async (batch: OwnPartition & { readonly messages: readonly RawMessage[] }): Promise<Recorded | Poison> => {
    const { messages } = batch;
    const facts: { readonly offset: number; readonly fact: Fact }[] = [];
    for (const message of messages) {
      const { offset } = message;
      try {
        const fact = decode(message);
        if (fact === undefined) continue;
        if (!isSaneTime(fact.atMs, nowMs())) {
          return { offset, reason: 'time_out_of_range', detail: `It happened at ${fact.atMs} ms.` };
        }
        facts.push({ offset, fact });
      } catch (error) {
        return { offset, reason: 'undecodable', detail: (error as Error).message };
      }
    }
    if (facts.length === 0) return { written: 0, passedOver: messages.length };
    const commit = await writer.commit(
      batch,
      facts.map(({ fact }) => fact),
    );
    if (commit.kind === 'unstorable') {
      return { offset: facts[commit.index]!.offset, reason: 'not_storable', detail: commit.detail };
    }
    return { written: commit.written, passedOver: messages.length - facts.length };
  };
