import { describe, expect, it } from '@jest/globals';
import { monthRuns } from './month-runs.ts';

const at = (text: string) => ({ timestampMs: Date.parse(text) });
const runs = (...texts: string[]) =>
  monthRuns(texts.map(at)).map(({ month, messages }) => [month, messages.length]);

describe('month runs', () => {
  it('keeps a month together and splits where it changes, to the millisecond, in UTC', () => {
    expect(runs()).toEqual([]);
    expect(runs('2026-11-01T00:00:00.000Z', '2026-11-30T23:59:59.999Z')).toEqual([['2026-11', 2]]);
    expect(runs('2026-11-30T23:59:59.999Z', '2026-12-01T00:00:00.000Z', '2026-12-31T23:59:59.999Z')).toEqual([
      ['2026-11', 1],
      ['2026-12', 2],
    ]);
    expect(runs('2026-12-31T23:59:59.999Z', '2027-01-01T00:00:00Z')).toEqual([
      ['2026-12', 1],
      ['2027-01', 1],
    ]);
  });

  it('keeps the order also when the moments of receipt do not', () => {
    expect(runs('2026-12-01T00:00:00.000Z', '2026-11-30T23:59:59.999Z', '2026-12-01T00:00:00.001Z')).toEqual([
      ['2026-12', 1],
      ['2026-11', 1],
      ['2026-12', 1],
    ]);
  });
});
