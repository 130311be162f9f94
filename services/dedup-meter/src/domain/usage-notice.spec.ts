import { describe, expect, it } from '@jest/globals';
import type { JudgedEvent } from '@trackline/contracts';
import { eventsAt, noticesOf } from './usage-notice.ts';
import type { Decision } from './verdict.ts';

const admitted = (from: number, to: number): Decision[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({
    offset: 100 + i,
    event: { receivedAtMs: 1_000 + i } as JudgedEvent,
    outcome: { kind: 'admitted', monthUsed: from + i },
  }));
const raised = (limit: number | null, decisions: Decision[], known: number[] = []) =>
  noticesOf('o', '2026-11', limit, decisions, (threshold) => known.includes(threshold)).map(
    ({ thresholdPercent, used, offset }) => [thresholdPercent, used, offset],
  );

describe('usage notices', () => {
  it('are raised by the event that reaches the threshold', () => {
    expect(raised(10, admitted(7, 9))).toEqual([[80, 8, 101]]);
    expect(raised(10, admitted(1, 7))).toEqual([]);
    expect(raised(10, admitted(6, 12))).toEqual([
      [80, 8, 102],
      [100, 10, 104],
      [125, 12, 106],
    ]);
  });

  it('are made up for when the count was past the threshold already, and not raised again when known', () => {
    expect(raised(10, admitted(11, 11))).toEqual([
      [80, 11, 100],
      [100, 11, 100],
    ]);
    expect(raised(10, admitted(11, 12), [80, 100])).toEqual([[125, 12, 101]]);
  });

  it('are none for unlimited plans, and none by events that were not counted', () => {
    expect(raised(null, admitted(1, 1_000))).toEqual([]);
    const refused: Decision = {
      offset: 1,
      event: {} as JudgedEvent,
      outcome: { kind: 'over_limit', monthUsed: 12 },
    };
    expect(raised(10, [refused])).toEqual([]);
  });

  it('count in whole events, never before the share is reached, and 125 is the hard cap itself', () => {
    expect(([80, 100, 125] as const).map((threshold) => eventsAt(threshold, 50_000))).toEqual([
      40_000, 50_000, 62_500,
    ]);
    expect(([80, 100, 125] as const).map((threshold) => eventsAt(threshold, 3))).toEqual([3, 3, 3]);
  });
});
