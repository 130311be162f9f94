import { describe, expect, it } from '@jest/globals';
import { answered, refused } from './decision.ts';
import { fingerprintOf, isRemembered, rememberedMs, replayOf } from './idempotency.ts';

describe('the first answer of an Idempotency-Key', () => {
  it.each([
    ['200', answered(200, {})],
    ['202', answered(202, {})],
    ['200 to a batch', answered(200, { results: [{ status: 'admitted' }, { status: 'invalid' }] })],
    ['409', refused('DUPLICATE_EVENT', 'x')],
    ['400 Contact not found', refused('CONTACT_NOT_FOUND', 'x')],
  ])('of %s is remembered', (_, decision) => expect(isRemembered(decision)).toBe(true));

  it.each([
    ['429 past the cap', refused('EVENT_LIMIT_EXCEEDED', 'x')],
    ['429 too many requests', refused('RATE_LIMITED', 'x')],
    ['503', refused('UNAVAILABLE', 'x')],
    ['500', refused('INTERNAL_ERROR', 'x')],
    ['422, which was never carried out', refused('VALIDATION_FAILED', 'x')],
    [
      '200 to a batch that the cap refused in part',
      answered(200, { results: [{ status: 'admitted' }, { status: 'over_limit' }] }),
    ],
  ])('of %s is not', (_, decision) => expect(isRemembered(decision)).toBe(false));

  it.each([
    ['202', answered(202, {})],
    [
      'a batch of which some has no verdict',
      answered(200, { results: [{ status: 'admitted' }, { status: 'accepted' }] }),
    ],
  ])('of %s is remembered for minutes: the verdict is told to whoever asks later', (_, decision) =>
    expect(rememberedMs(decision)).toBe(600_000),
  );

  it('with a verdict is remembered for 48 hours', () => {
    for (const decision of [answered(200, {}), refused('DUPLICATE_EVENT', 'x')])
      expect(rememberedMs(decision)).toBe(172_800_000);
  });

  it('is told again word for word, and marked', () => {
    const first = answered(200, { a: 1 }, { 'X-Event-Current': '1' });
    expect(replayOf(first)).toEqual({
      ...first,
      headers: { 'X-Event-Current': '1', 'Idempotent-Replayed': 'true' },
    });
  });

  it('belongs to one request: the same route and the same bytes', () => {
    const bytes = Buffer.from('{"a":1}');
    expect(fingerprintOf('trackEvent', bytes)).toBe(fingerprintOf('trackEvent', Buffer.from(bytes)));
    expect(fingerprintOf('trackEvent', bytes)).not.toBe(fingerprintOf('trackBatch', bytes));
    expect(fingerprintOf('trackEvent', bytes)).not.toBe(fingerprintOf('trackEvent', Buffer.from('{"a": 1}')));
  });
});
