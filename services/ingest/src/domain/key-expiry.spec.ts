import { describe, expect, it } from '@jest/globals';
import { readExpiry } from './key-expiry.ts';

describe('when a key expires', () => {
  it('is a moment with a zone, or never', () => {
    expect(readExpiry('2027-12-31T00:00:00Z')?.toISOString()).toBe('2027-12-31T00:00:00.000Z');
    expect(readExpiry(null)).toBeNull();
    expect(readExpiry(undefined)).toBeNull();
  });
  it.each(['', 'soon', '2027-12-31', '2027-12-31T00:00:00', '2027-13-31T00:00:00Z'])('is not %j', (text) => {
    expect(() => readExpiry(text)).toThrow(/expiresAt must be ISO 8601/);
  });
});
