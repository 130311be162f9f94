import { describe, expect, it } from '@jest/globals';
import { isPast, movedPositions } from './positions.ts';

describe('positions', () => {
  it('know what has taken effect', () => {
    const positions = new Map([['received.1.0', 5]]);
    expect(isPast(positions, { source: 'received.1.0', offset: 5 })).toBe(true);
    expect(isPast(positions, { source: 'received.1.0', offset: 6 })).toBe(false);
    expect(isPast(positions, { source: 'received.2.0', offset: 0 })).toBe(false);
  });

  it('are stored where they moved, in one order for all writers', () => {
    const before = new Map([
      ['b', 5],
      ['c', 9],
    ]);
    const after = new Map([
      ['c', 9],
      ['b', 7],
      ['a', 0],
    ]);
    expect(movedPositions(before, after)).toEqual([
      { source: 'a', from: -1, to: 0 },
      { source: 'b', from: 5, to: 7 },
    ]);
  });
});
