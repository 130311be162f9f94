import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { byNewest, decodeCursor, encodeCursor, placeBefore } from './page-cursor.ts';

describe('a cursor', () => {
  it('goes out and comes back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), fc.uuid(), (occurredAtMs, id) => {
        expect(decodeCursor(encodeCursor({ occurredAtMs, id }))).toEqual({ occurredAtMs, id });
      }),
    );
  });

  it('of anybody else is none', () => {
    for (const cursor of ['', 'x', '!!!', 'MTIz', Buffer.from('1/2/3').toString('base64url')]) {
      expect(decodeCursor(cursor)).toBeUndefined();
    }
    const ours = encodeCursor(placeBefore(1_700_000_000_000));
    expect(decodeCursor(`${ours}=`)).toBeUndefined();
    expect(decodeCursor(ours.slice(1))).toBeUndefined();
    fc.assert(fc.property(fc.string(), (text) => expect(decodeCursor(text)).toBeUndefined()));
  });
});

describe('newest first', () => {
  it('sorts by time, then by id, and puts what is before a moment below its place', () => {
    const [a, b] = ['0197f0e0-0000-7000-8000-00000000000a', '0197f0e0-0000-7000-8000-00000000000b'];
    const rows = [
      { occurredAtMs: 1, id: b },
      { occurredAtMs: 2, id: a },
      { occurredAtMs: 2, id: b },
    ];
    expect([...rows].sort(byNewest)).toEqual([rows[2], rows[1], rows[0]]);
    expect(byNewest(placeBefore(2), rows[0]!)).toBeLessThan(0);
    expect(byNewest(placeBefore(2), rows[1]!)).toBeGreaterThan(0);
  });
});
