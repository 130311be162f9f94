import { describe, expect, it } from '@jest/globals';
import { byNewest, decodeCursor, placeBefore, type Place } from '../domain/page-cursor.ts';
import type { Stretch } from '../ports.ts';
import { fillPage } from './fill-page.ts';

const DAY_MS = 86_400_000;
const fromMs = Date.parse('2024-11-20');
const toMs = Date.parse('2026-11-20');
const id = (n: number) => `0197f0e0-0000-7000-8000-${String(n).padStart(12, '0')}`;
const rows: Place[] = Array.from({ length: 60 }, (_, i) => ({
  occurredAtMs: toMs - Math.floor(i / 3) * 30 * DAY_MS - 1,
  id: id(i),
}));

/** What a table would give. */
const read = async ({ window, place, limit }: Stretch) => ({
  rows: rows
    .filter((row) => row.occurredAtMs >= window.fromMs && row.occurredAtMs < window.toMs)
    .filter((row) => byNewest(place, row) < 0)
    .sort(byNewest)
    .slice(0, limit),
});

describe('a page', () => {
  it.each([1, 2, 3, 7, 59, 60, 61])(
    'of %i: the pages together are all rows, once, in order',
    async (limit) => {
      const seen: Place[] = [];
      let place: Place | undefined = placeBefore(toMs);
      while (place) {
        const page: Awaited<ReturnType<typeof fillPage>> = await fillPage(
          { fromMs, toMs, place, limit },
          read,
        );
        expect(page.items.length).toBeLessThanOrEqual(limit);
        seen.push(...page.items);
        place = page.nextCursor === null ? undefined : decodeCursor(page.nextCursor);
      }
      expect(seen).toEqual([...rows].sort(byNewest));
    },
  );

  it('stops in the first window that fills it', async () => {
    let reads = 0;
    await fillPage({ fromMs, toMs, place: placeBefore(toMs), limit: 2 }, (stretch) => {
      reads += 1;
      return read(stretch);
    });
    expect(reads).toBe(1);
  });

  it('ends, and can be gone on with, where the looking stopped', async () => {
    const reached = { occurredAtMs: toMs - 40 * DAY_MS, id: id(1) };
    const page = await fillPage({ fromMs, toMs, place: placeBefore(toMs), limit: 5 }, async () => ({
      rows: [rows[0]!],
      reached,
    }));
    expect(page.items).toEqual([rows[0]]);
    expect(decodeCursor(page.nextCursor!)).toEqual(reached);
  });
});
