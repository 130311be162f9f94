import { describe, expect, it } from '@jest/globals';
import { Receipt, TimelineItem, validator } from '@trackline/contracts';
import { toReceipt, toTimelineItem } from './receipt.ts';
import type { StoredEvent } from './stored-event.ts';

const event: StoredEvent = {
  id: 'event-1',
  contactId: 'contact-1',
  name: 'order',
  source: '/organizations/o/http',
  uniqueId: null,
  clientId: null,
  occurredAtMs: Date.parse('2026-11-20T10:00:00Z'),
  receivedAtMs: Date.parse('2026-11-20T10:00:01Z'),
  properties: { value: 10 },
};

describe('a receipt', () => {
  it('counts what was started and resumed, and lists what was refused too', () => {
    const effect = (effect: 'started' | 'resumed' | 'refused', reason: string | null = null) => ({
      eventId: 'event-1',
      executionId: `${effect}-1`,
      workflowId: 'workflow-1',
      effect,
      reason,
    });
    const receipt = toReceipt(event, 'contact-2', [
      effect('started'),
      effect('started'),
      effect('resumed'),
      effect('refused', 'cooldown'),
    ]);
    expect(receipt).toMatchObject({
      contactId: 'contact-2',
      verdict: 'admitted',
      workflowsTriggered: 2,
      executionsResumed: 1,
    });
    expect(receipt.executions.at(-1)).toEqual({
      id: 'refused-1',
      workflowId: 'workflow-1',
      effect: 'refused',
      reason: 'cooldown',
    });
    expect(validator(Receipt)(receipt).ok).toBe(true);
  });

  it('of a duplicate names the first; what is not known is left out', () => {
    const duplicate = {
      ...event,
      verdict: 'duplicate' as const,
      duplicateOf: 'event-0',
      uniqueId: 'u',
      clientId: 'c',
    };
    expect(toReceipt(duplicate, 'contact-1', [])).toMatchObject({
      verdict: 'duplicate',
      duplicateOf: 'event-0',
      uniqueId: 'u',
      sourceId: 'c',
    });
    const overLimit = toReceipt(
      { ...event, verdict: 'over_limit' as const, duplicateOf: null } as never,
      'c',
      [],
    );
    expect(Object.keys(overLimit)).not.toEqual(expect.arrayContaining(['duplicateOf']));
    expect(Object.keys(overLimit)).not.toEqual(expect.arrayContaining(['uniqueId']));
  });

  it('and a timeline item keep their contract', () => {
    expect(validator(TimelineItem)(toTimelineItem(event)).ok).toBe(true);
    expect(toTimelineItem(event).occurredAt).toBe('2026-11-20T10:00:00.000Z');
  });
});
