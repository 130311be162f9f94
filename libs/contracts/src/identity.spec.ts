import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { clientNamedEventId, uniqueIdentity } from './identity.ts';

const parts = fc.tuple(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'grapheme' }),
);

describe('identities', () => {
  it('are the same for the same tuple and differ for tuples that differ, however their parts are cut', () => {
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const same = a.every((part, i) => part === b[i]);
        expect(uniqueIdentity(...a).equals(uniqueIdentity(...b))).toBe(same);
        expect(clientNamedEventId(...a) === clientNamedEventId(...b)).toBe(same);
      }),
    );
  });

  it('cannot be made to meet by moving text over the seam between two parts', () => {
    expect(uniqueIdentity('org', 'a', 'bc')).not.toEqual(uniqueIdentity('org', 'ab', 'c'));
    expect(uniqueIdentity('org', 'a', '1:b')).not.toEqual(uniqueIdentity('org', 'a1:', 'b'));
    expect(clientNamedEventId('org', '/s', '1')).not.toBe(clientNamedEventId('org', '/s1', ''));
  });

  it('are part of the stored data: these values must never change', () => {
    expect(clientNamedEventId('0190f5c0-0000-7000-8000-000000000001', '/organizations/o/http', 'k-1')).toBe(
      'd513eb53-839c-89f2-a75b-9bd5970900dc',
    );
    expect(uniqueIdentity('o', 'order', '42').toString('hex')).toBe('5a6509ef6d25d24fbe186c5b5b72bef2');
  });

  it('make event ids of UUID version 8, never taken for one made at the door', () => {
    expect(clientNamedEventId('o', 's', 'c')).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });
});
