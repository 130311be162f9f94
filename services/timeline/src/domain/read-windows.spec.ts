import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { windowsNewestFirst } from './read-windows.ts';

const utc = (text: string) => Date.parse(text);

describe('windows', () => {
  it('begin with the month of the end, then two, then four', () => {
    const windows = [...windowsNewestFirst(utc('2026-01-10'), utc('2026-11-20'))];
    expect(windows).toEqual([
      { fromMs: utc('2026-11-01'), toMs: utc('2026-11-20') },
      { fromMs: utc('2026-09-01'), toMs: utc('2026-11-01') },
      { fromMs: utc('2026-05-01'), toMs: utc('2026-09-01') },
      { fromMs: utc('2026-01-10'), toMs: utc('2026-05-01') },
    ]);
  });

  it('of two years are six at most, and there are none of an empty stretch', () => {
    expect([...windowsNewestFirst(utc('2024-11-20'), utc('2026-11-20'))].length).toBeLessThanOrEqual(6);
    expect([...windowsNewestFirst(10, 10)]).toEqual([]);
    expect([...windowsNewestFirst(11, 10)]).toEqual([]);
  });

  it('cover the whole stretch without gap or overlap', () => {
    const ms = fc.integer({ min: utc('2020-01-01'), max: utc('2030-01-01') });
    fc.assert(
      fc.property(ms, ms, (a, b) => {
        const [fromMs, toMs] = [Math.min(a, b), Math.max(a, b)];
        let end = toMs;
        for (const window of windowsNewestFirst(fromMs, toMs)) {
          expect(window.toMs).toBe(end);
          expect(window.fromMs).toBeLessThan(window.toMs);
          end = window.fromMs;
        }
        expect(end).toBe(fromMs);
      }),
    );
  });
});
