import { describe, expect, it } from '@jest/globals';
import { ADMITTED, contactKey, OUTCOMES, partitionOf, REFUSED, type JudgedEvent } from '@trackline/contracts';
import { toVerdictMessages } from './verdict-messages.ts';
import type { Decision } from './verdict.ts';

const event = (offset: number, more: Partial<JudgedEvent> = {}): JudgedEvent => ({
  eventId: `e${offset}`,
  organizationId: 'o',
  contactId: 'c',
  name: 'n',
  source: 's',
  backfill: false,
  properties: '{}',
  occurredAtMs: 0,
  receivedAtMs: 0,
  position: { source: 'received.1.0', offset },
  ...more,
});
const partitionOfContact = (contactId: string) => partitionOf(contactKey('o', contactId), 24);

describe('messages of verdicts', () => {
  it('keep the order of the source, each in the partition of its contact', () => {
    const decisions: Decision[] = [
      { offset: 1, event: event(1), outcome: { kind: 'admitted', monthUsed: 1 } },
      { offset: 2, outcome: { kind: 'tick' } },
      { offset: 3, event: event(3), outcome: { kind: 'over_limit', monthUsed: 1 } },
      { offset: 4, outcome: { kind: 'dead_letter', reason: 'invalid', detail: '' } },
      { offset: 5, event: event(5), outcome: { kind: 'duplicate', of: 'e1', monthUsed: 1 } },
    ];
    const messages = toVerdictMessages(decisions, 24);
    expect(messages.map(({ topic, partition, headers }) => [topic, partition, headers.ce_position])).toEqual([
      [ADMITTED, partitionOfContact('c'), 'received.1.0@1'],
      [REFUSED, partitionOfContact('c'), 'received.1.0@3'],
      [REFUSED, partitionOfContact('c'), 'received.1.0@5'],
    ]);
  });

  it('send a replay to where its first took effect', () => {
    const outcome = {
      kind: 'replay' as const,
      contactId: 'first',
      first: { source: 'inbound.1.2', offset: 9 },
      monthUsed: 4,
    };
    const [message] = toVerdictMessages([{ offset: 1, event: event(1), outcome }], 24);
    expect(message).toMatchObject({ key: 'o:first', partition: partitionOfContact('first') });
    expect(message!.headers).toMatchObject({
      ce_contact: 'first',
      ce_replayof: 'inbound.1.2@9',
    });
  });

  it('answer those who wait for a refused event, a message per partition of theirs; trigger answers for the rest', () => {
    const refused = (offset: number, replyTo: string): Decision => ({
      offset,
      event: event(offset, { replyTo }),
      outcome: { kind: 'over_limit', monthUsed: 7 },
    });
    const messages = toVerdictMessages(
      [
        refused(1, '3/a'),
        refused(2, '3/b/c'),
        refused(3, '4/d'),
        refused(4, 'nonsense'),
        { offset: 5, event: event(5, { replyTo: '3/e' }), outcome: { kind: 'admitted', monthUsed: 8 } },
      ],
      24,
    );
    const answers = messages.filter(({ topic }) => topic === OUTCOMES);
    expect(
      answers.map(({ partition, value }) => [
        partition,
        JSON.parse(String(value)).outcomes.map((one: { correlation: string }) => one.correlation),
      ]),
    ).toEqual([
      [3, ['a', 'b/c']],
      [4, ['d']],
    ]);
  });
});
