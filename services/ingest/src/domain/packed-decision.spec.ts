import { describe, expect, it } from '@jest/globals';
import type { Outcome } from '@trackline/contracts';
import { batchAnswer, type ItemFate } from './batch-answer.ts';
import { answered, refused } from './decision.ts';
import { eventIdentity } from './event-identity.ts';
import { packDecision, unpackDecision } from './packed-decision.ts';

const itemId = (index: number) => eventIdentity('o', 'key', () => '', index).eventId;
const published = (index: number, fields?: Partial<Outcome>): ItemFate => ({
  kind: 'published',
  eventId: itemId(index),
  outcome: fields && {
    correlation: '',
    eventId: itemId(index),
    verdict: 'admitted',
    workflowsTriggered: 1,
    executionsResumed: 0,
    monthUsed: index,
    ...fields,
  },
});
const context = { plan: { monthlyLimit: 10, hardCap: 12 }, requestedAtMs: 0, upgradeUrl: '' };
const throughMemory = (decision: Parameters<typeof packDecision>[0]) =>
  unpackDecision(JSON.parse(JSON.stringify(packDecision(decision, itemId))), itemId);

describe('a remembered answer', () => {
  it('to a batch comes back word for word', () => {
    const decision = batchAnswer(
      [
        published(0, {}),
        { kind: 'invalid', issue: { path: '/name', message: 'Expected string' } },
        { kind: 'contact_not_found' },
        published(3),
        published(4, { verdict: 'duplicate', duplicateOf: 'first' }),
        published(5, { verdict: 'over_limit' }),
      ],
      context,
    );
    expect(throughMemory(decision)).toEqual(decision);
  });

  it('to a batch of a thousand good items takes little more than a letter each', () => {
    const decision = batchAnswer(
      Array.from({ length: 1_000 }, (_, index) => published(index, {})),
      context,
    );
    expect(JSON.stringify(decision).length).toBeGreaterThan(80_000);
    expect(JSON.stringify(packDecision(decision, itemId)).length).toBeLessThan(1_500);
    expect(throughMemory(decision)).toEqual(decision);
  });

  it.each([
    answered(200, { success: true }, { a: 'b' }),
    refused('DUPLICATE_EVENT', 'x', { extra: { eventId: 'e' } }),
  ])('of any other kind is kept as it is', (decision) => expect(throughMemory(decision)).toEqual(decision));
});
