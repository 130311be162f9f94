import { describe, expect, it } from '@jest/globals';
import type { Outcome } from '@trackline/contracts';
import { contactNotFound, trackAnswer, type TrackContext } from './track-answer.ts';

const context: TrackContext = {
  eventId: 'e2',
  contactCreated: true,
  plan: { monthlyLimit: 50_000, hardCap: 62_500 },
  requestedAtMs: Date.parse('2026-11-30T23:59:00.000Z'),
  upgradeUrl: 'https://up.example',
};
const outcome = (fields: Partial<Outcome>): Outcome => ({
  correlation: 'c',
  eventId: 'e2',
  verdict: 'admitted',
  workflowsTriggered: 0,
  executionsResumed: 0,
  monthUsed: 10,
  ...fields,
});

describe('the answer to an event', () => {
  it('that was admitted tells what it did, and the usage after it', () => {
    const answer = trackAnswer(outcome({ workflowsTriggered: 2, executionsResumed: 1 }), context);
    expect(answer).toEqual({
      kind: 'answered',
      status: 200,
      body: {
        success: true,
        contactCreated: true,
        workflowsTriggered: 2,
        executionsResumed: 1,
        eventId: 'e2',
      },
      headers: {
        'X-Event-Limit': '50000',
        'X-Event-Current': '10',
        'X-Event-Remaining': '49990',
        'X-Event-Percent': '0.02',
      },
    });
  });

  it.each([
    ['came to no verdict in time', undefined],
    ['is a resend of one that has not taken effect yet', outcome({ verdict: 'accepted' })],
  ])('that %s is 202', (_, late) => {
    expect(trackAnswer(late, context)).toEqual({
      kind: 'answered',
      status: 202,
      body: {
        success: true,
        status: 'accepted',
        contactCreated: true,
        workflowsTriggered: 0,
        executionsResumed: 0,
        eventId: 'e2',
      },
      headers: {},
    });
  });

  it('that was there before names the first', () => {
    expect(trackAnswer(outcome({ verdict: 'duplicate', duplicateOf: 'e1' }), context)).toMatchObject({
      kind: 'refused',
      code: 'DUPLICATE_EVENT',
      message: 'Event already exists',
      extra: { eventId: 'e1' },
      headers: { 'X-Event-Current': '10' },
    });
  });

  it('past the cap has every field and header of the contract', () => {
    expect(trackAnswer(outcome({ verdict: 'over_limit', monthUsed: 62_500 }), context)).toEqual({
      kind: 'refused',
      code: 'EVENT_LIMIT_EXCEEDED',
      error: 'event_limit_exceeded',
      message: expect.stringContaining('50000'),
      headers: {
        'X-Event-Limit': '50000',
        'X-Event-Current': '62500',
        'X-Event-Remaining': '0',
        'X-Event-Percent': '125',
        'X-Event-Exceeded': 'true',
        'Retry-After': '60',
      },
      extra: {
        upgradeUrl: 'https://up.example',
        current: 62_500,
        limit: 50_000,
        hardCap: 62_500,
        requested: 1,
        percentUsed: 125,
        resetsAt: '2026-12-01T00:00:00.000Z',
      },
    });
  });

  it('without a contact is what the Wraps client knows', () => {
    expect(contactNotFound()).toEqual({
      kind: 'refused',
      code: 'CONTACT_NOT_FOUND',
      message: 'Contact not found',
    });
  });
});
