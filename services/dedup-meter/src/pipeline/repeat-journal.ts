import type { RawMessage } from '@trackline/contracts';
import type { JournalEntry } from '../domain/journal.ts';
import { toJudgedEvent } from '../domain/judged-event.ts';
import type { RaisedNotice } from '../domain/usage-notice.ts';
import type { DeadLetter, Decision, Verdict } from '../domain/verdict.ts';
import type { Ledger } from '../ports.ts';
import type { Door } from './doors.ts';
import type { OwnedSource } from './owned-source.ts';

export interface Repeated {
  readonly decisions: readonly Decision[];
  readonly notices: readonly RaisedNotice[];
}

/**
 * Decisions of messages that were judged before, as the journal has them: exact doubles of what was, or should have been, published.
 * Of what the journal no longer has everything was published and its offsets committed: there is nothing to say.
 */
export function repeatJournal(ledger: Ledger) {
  return async function repeat(
    door: Door,
    source: OwnedSource,
    messages: readonly RawMessage[],
  ): Promise<Repeated> {
    const { entries, deadLetters, notices } = await ledger.journal(
      source.standing.sourceId,
      messages[0]!.offset,
      messages.at(-1)!.offset,
    );
    const byOffset = new Map(messages.map((message) => [message.offset, message]));
    const decisions = entries.flatMap((entry) => {
      const message = byOffset.get(entry.offset);
      return message ? toDecision(entry, message, door, source.name, deadLetters) : [];
    });
    const repeated = new Set(decisions.map(({ offset }) => offset));
    return { decisions, notices: notices.filter(({ offset }) => repeated.has(offset)) };
  };
}

function toDecision(
  entry: JournalEntry,
  message: RawMessage,
  door: Door,
  source: string,
  deadLetters: ReadonlyMap<number, DeadLetter>,
): Decision {
  const { offset } = entry;
  if (entry.kind === 'dead_letter') {
    const outcome = deadLetters.get(offset);
    if (!outcome) throw new Error(`${source}@${offset} was a dead letter, and its reason is gone.`);
    return { offset, outcome };
  }
  const facts = door.facts(message);
  if ('kind' in facts) {
    throw new Error(
      `${source}@${offset} was ${entry.kind} and now counts as ${facts.reason}: ${facts.detail}`,
    );
  }
  // A replay was journalled with the contact of the first; where it goes to is all that the contact is needed for.
  return { offset, event: toJudgedEvent(facts, entry.contactId, source, message), outcome: toVerdict(entry) };
}

function toVerdict(entry: Exclude<JournalEntry, { kind: 'dead_letter' }>): Verdict {
  const { monthUsed } = entry;
  switch (entry.kind) {
    case 'duplicate':
      return { kind: 'duplicate', of: entry.of, monthUsed };
    case 'replay':
      return {
        kind: 'replay',
        first: { source: entry.source, offset: entry.sourceOffset },
        contactId: entry.contactId,
        monthUsed,
      };
    case 'admitted':
    case 'over_limit':
      return { kind: entry.kind, monthUsed };
  }
}
