import { describe, expect, it } from '@jest/globals';
import type { JudgedEvent } from '@trackline/contracts';
import fc from 'fast-check';
import { decodeJournal, encodeJournal, type JournalEntry } from './journal.ts';
import type { Decision } from './verdict.ts';

const uuid = fc.uuid();
const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const contact = (contactId: string) => ({ contactId }) as JudgedEvent;

const decision: fc.Arbitrary<(offset: number) => Decision> = fc.oneof(
  fc.tuple(uuid, count).map(([contactId, monthUsed]) => (offset: number): Decision => ({
    offset,
    event: contact(contactId),
    outcome: { kind: 'admitted', monthUsed },
  })),
  fc.tuple(uuid, count).map(([contactId, monthUsed]) => (offset: number): Decision => ({
    offset,
    event: contact(contactId),
    outcome: { kind: 'over_limit', monthUsed },
  })),
  fc.tuple(uuid, count, uuid).map(([contactId, monthUsed, of]) => (offset: number): Decision => ({
    offset,
    event: contact(contactId),
    outcome: { kind: 'duplicate', of, monthUsed },
  })),
  fc.tuple(uuid, count, count).map(([contactId, monthUsed, at]) => (offset: number): Decision => ({
    offset,
    event: contact('ffffffff-ffff-4fff-8fff-ffffffffffff'),
    outcome: { kind: 'replay', contactId, monthUsed, first: { source: `inbound.1.${at % 97}`, offset: at } },
  })),
  fc.constant((offset: number): Decision => ({
    offset,
    outcome: { kind: 'dead_letter', reason: 'invalid', detail: 'in a row of its own' },
  })),
  fc.constant((offset: number): Decision => ({ offset, outcome: { kind: 'tick' } })),
);

/** What the journal is to remember of a decision. */
function entryOf({ offset, event, outcome }: Decision): JournalEntry[] {
  switch (outcome.kind) {
    case 'tick':
      return [];
    case 'dead_letter':
      return [{ offset, kind: outcome.kind }];
    case 'replay': {
      const { contactId, monthUsed, first } = outcome;
      return [
        {
          offset,
          kind: outcome.kind,
          contactId,
          monthUsed,
          source: first.source,
          sourceOffset: first.offset,
        },
      ];
    }
    default:
      return [{ offset, contactId: event!.contactId, ...outcome }];
  }
}

describe('the journal', () => {
  it('gives back what was decided, whatever the offsets and gaps between them', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 50 }),
        fc.array(fc.tuple(decision, fc.integer({ min: 1, max: 100_000 })), { maxLength: 50 }),
        (firstOffset, steps) => {
          let offset = firstOffset;
          const decisions = steps.map(([make, step], at) => make((offset += at === 0 ? 0 : step)));
          const decoded = decodeJournal(firstOffset, encodeJournal(firstOffset, decisions));
          expect(decoded).toEqual(decisions.flatMap(entryOf));
        },
      ),
    );
  });

  it('takes some twenty bytes an event', () => {
    const decisions = Array.from({ length: 500 }, (_, i): Decision => ({
      offset: 1_000_000 + i,
      event: contact('0198c0de-0000-7000-8000-000000000000'),
      outcome: { kind: 'admitted', monthUsed: 200_000 + i },
    }));
    expect(encodeJournal(1_000_000, decisions).length).toBeLessThanOrEqual(500 * 21);
  });

  it('is empty when there are only ticks, and refuses what it does not know', () => {
    expect(encodeJournal(5, [{ offset: 5, outcome: { kind: 'tick' } }])).toHaveLength(0);
    expect(() => decodeJournal(5, Buffer.from([0, 99]))).toThrow('offset 5 is of no known kind');
  });
});
