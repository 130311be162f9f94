import { describe, expect, it } from '@jest/globals';
import { parseMoment } from './asked-time.ts';

describe('a moment that is asked for', () => {
  it.each([
    ['2026-11-20', '2026-11-20T00:00:00.000Z'],
    ['2026-11-20T10:00Z', '2026-11-20T10:00:00.000Z'],
    ['2026-11-20T10:00:00.123Z', '2026-11-20T10:00:00.123Z'],
    ['2026-11-20T10:00:00+01:00', '2026-11-20T09:00:00.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ])('%s is %s', (text, iso) => {
    expect(new Date(parseMoment(text)!).toISOString()).toBe(iso);
  });

  it.each([
    '',
    'now',
    '1700000000000',
    '2026-02-31',
    '2026-13-01',
    '2026-11-20T10:00:00',
    '2026-11-20T25:00Z',
    '20261120',
  ])('%j is none', (text) => {
    expect(parseMoment(text)).toBeUndefined();
  });
});
