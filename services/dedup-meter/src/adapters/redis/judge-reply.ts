import { formatPosition, parsePosition } from '@trackline/contracts';
import type { Verdict } from '../../domain/verdict.ts';
import type { Answer, KnownEvent, Question } from '../../ports.ts';
import { COMPACT_LENGTH, fromCompact, toCompact } from './keys.ts';

/** Under an event identity: who and where the first is. */
export const toEventValue = ({ contactId, first }: Pick<KnownEvent, 'contactId' | 'first'>): string =>
  toCompact(contactId) + formatPosition(first);

/** Under a unique identity: the first event's id. */
export const toUniqueValue = (eventId: string): string => toCompact(eventId);

const UNJUDGED = ['unseeded', 'behind', 'lost', 'fenced', 'stale_plan'] as const;

/** What the judge's script answered; its form is said there. */
export function fromReply(question: Question, reply: readonly (string | number)[]): Answer {
  const [kind, base, letters, ...details] = reply;
  if (kind !== 'judged') {
    const unjudged = UNJUDGED.find((known) => known === kind);
    if (unjudged === undefined) throw new Error(`The judge answered "${String(kind)}".`);
    return { kind: unjudged };
  }
  let monthUsed = Number(base);
  let nextDetail = 0;
  const verdicts = question.candidates.map((_, at): Verdict => {
    const letter = String(letters)[at];
    switch (letter) {
      case 'A':
        monthUsed += 1;
        return { kind: 'admitted', monthUsed };
      case 'C':
        return { kind: 'over_limit', monthUsed };
      case 'D':
        return { kind: 'duplicate', of: fromCompact(String(details[nextDetail++])), monthUsed };
      case 'd':
        return { kind: 'duplicate', of: firstOf(question, details[nextDetail++]).eventId, monthUsed };
      case 'R': {
        const value = String(details[nextDetail++]);
        return {
          kind: 'replay',
          contactId: fromCompact(value.slice(0, COMPACT_LENGTH)),
          first: parsePosition(value.slice(COMPACT_LENGTH)),
          monthUsed,
        };
      }
      case 'r': {
        const { contactId, position } = firstOf(question, details[nextDetail++]);
        return { kind: 'replay', contactId, first: position, monthUsed };
      }
      default:
        throw new Error(`The judge gave the verdict "${letter}".`);
    }
  });
  return { kind: 'judged', verdicts };
}

const firstOf = ({ candidates }: Question, index: string | number | undefined) =>
  candidates[Number(index)]!.event;
