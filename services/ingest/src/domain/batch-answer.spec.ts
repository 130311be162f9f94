import { describe, expect, it } from '@jest/globals';
import type { BatchAnswer, Outcome } from '@trackline/contracts';
import { batchAnswer, type ItemFate } from './batch-answer.ts';

const context = {
  plan: { monthlyLimit: 100, hardCap: 125 },
  requestedAtMs: Date.parse('2026-11-30T00:00:00.000Z'),
  upgradeUrl: 'https://up.example',
};
const published = (eventId: string, fields?: Partial<Outcome>): ItemFate => ({
  kind: 'published',
  eventId,
  outcome: fields && {
    correlation: '',
    eventId,
    verdict: 'admitted',
    workflowsTriggered: 0,
    executionsResumed: 0,
    monthUsed: 0,
    ...fields,
  },
});
const bodyOf = (fates: ItemFate[]): BatchAnswer => {
  const decision = batchAnswer(fates, context);
  if (decision.kind !== 'answered') throw new Error(decision.message);
  return decision.body as BatchAnswer;
};

describe('the answer to a batch', () => {
  it('tells each item its fate, in order, and only what went wrong again as text', () => {
    const decision = batchAnswer(
      [
        published('e0', { workflowsTriggered: 1, monthUsed: 8 }),
        { kind: 'invalid', issue: { path: '/name', message: 'Expected string' } },
        { kind: 'contact_not_found' },
        published('e3'),
        published('e4', { verdict: 'duplicate', duplicateOf: 'e0', monthUsed: 9 }),
        published('e5', { verdict: 'over_limit', monthUsed: 9 }),
        published('e6', { executionsResumed: 3, monthUsed: 9 }),
        published('e7', { verdict: 'accepted', workflowsTriggered: 5, monthUsed: 9 }),
      ],
      context,
    );
    expect(decision).toEqual({
      kind: 'answered',
      status: 200,
      headers: {
        'X-Event-Limit': '100',
        'X-Event-Current': '9',
        'X-Event-Remaining': '91',
        'X-Event-Percent': '9',
      },
      body: {
        success: false,
        processed: 4,
        workflowsTriggered: 1,
        executionsResumed: 3,
        errors: [
          'events[1]: /name: Expected string',
          'events[2]: Contact not found',
          'events[4]: Event already exists (e0)',
          'events[5]: The monthly event limit is exceeded',
        ],
        results: [
          { index: 0, status: 'admitted', eventId: 'e0' },
          { index: 1, status: 'invalid', error: '/name: Expected string' },
          { index: 2, status: 'contact_not_found', error: 'Contact not found' },
          { index: 3, status: 'accepted', eventId: 'e3' },
          { index: 4, status: 'duplicate', eventId: 'e0', error: 'Event already exists (e0)' },
          { index: 5, status: 'over_limit', eventId: 'e5', error: 'The monthly event limit is exceeded' },
          { index: 6, status: 'admitted', eventId: 'e6' },
          { index: 7, status: 'accepted', eventId: 'e7' },
        ],
      },
    });
  });

  it('of nothing is a success with zeros', () => {
    expect(bodyOf([])).toEqual({
      success: true,
      processed: 0,
      workflowsTriggered: 0,
      executionsResumed: 0,
      errors: [],
      results: [],
    });
  });

  it('is refused as a whole only when the cap refused all of it', () => {
    const over = published('e', { verdict: 'over_limit', monthUsed: 125 });
    expect(batchAnswer([over, over, over], context)).toMatchObject({
      kind: 'refused',
      code: 'EVENT_LIMIT_EXCEEDED',
      extra: { requested: 3, current: 125, limit: 100, hardCap: 125, percentUsed: 125 },
      headers: { 'X-Event-Exceeded': 'true', 'Retry-After': '86400' },
    });
    expect(bodyOf([over, { kind: 'contact_not_found' }]).results.map(({ status }) => status)).toEqual([
      'over_limit',
      'contact_not_found',
    ]);
  });
});
