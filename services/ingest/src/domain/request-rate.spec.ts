import { describe, expect, it } from '@jest/globals';
import { rateHeaders, rateOf } from './request-rate.ts';

describe('the request rate', () => {
  const starter = { requestsPerMinute: 2_000, burst: 500 };

  it('is that of the organisation, or none', () => {
    expect(rateOf(starter)).toEqual(starter);
    expect(rateOf({ requestsPerMinute: null, burst: null })).toBeUndefined();
  });

  it('is told in both spellings', () => {
    const headers = rateHeaders(starter, { allowed: true, remaining: 499, retryAfterMs: 0, fullAfterMs: 30 });
    expect(headers).toEqual({
      'RateLimit-Limit': '2000',
      'RateLimit-Remaining': '499',
      'RateLimit-Reset': '1',
      'RateLimit-Policy': '2000;w=60;burst=500',
      'X-RateLimit-Limit': '2000',
      'X-RateLimit-Remaining': '499',
      'X-RateLimit-Reset': '1',
      'X-RateLimit-Policy': '2000;w=60;burst=500',
    });
  });

  it('says when to come again, never 0 seconds', () => {
    const refused = { allowed: false, remaining: 0, retryAfterMs: 30, fullAfterMs: 15_000 };
    expect(rateHeaders(starter, refused)).toMatchObject({ 'Retry-After': '1', 'RateLimit-Reset': '15' });
    expect(rateHeaders(starter, { ...refused, retryAfterMs: 1_001 })['Retry-After']).toBe('2');
  });
});
