import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatMoment, parseMoment } from './moment.ts';

describe('moments', () => {
  it('are what Date makes of them, whatever was asked before', () => {
    const moments = fc.array(fc.constantFrom(0, 1, 1_763_715_600_000, 8_640_000_000_000_000, -1), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(moments, (all) => {
        for (const ms of all) {
          const text = new Date(ms).toISOString();
          expect(parseMoment(text)).toBe(ms);
          expect(formatMoment(ms)).toBe(text);
        }
      }),
    );
  });

  it('are written in one form, in whichever they were read', () => {
    expect(parseMoment('2026-11-21T10:00+01:00')).toBe(Date.parse('2026-11-21T09:00:00Z'));
    expect(formatMoment(Date.parse('2026-11-21T09:00:00Z'))).toBe('2026-11-21T09:00:00.000Z');
  });

  it('that are none are told as such, each time', () => {
    expect([parseMoment('soon'), parseMoment('soon'), parseMoment('')]).toEqual([NaN, NaN, NaN]);
    expect(() => formatMoment(NaN)).toThrow(RangeError);
    expect(() => formatMoment(NaN)).toThrow(RangeError);
  });
});
