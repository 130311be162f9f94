import { expect, it } from '@jest/globals';
import { isTooOldForMeta } from './conversion-feedback.ts';

it('Meta is told of what occurred at most seven days ago, that moment included', () => {
  const WEEK_MS = 7 * 24 * 60 * 60 * 1000;
  expect(
    [WEEK_MS - 1, WEEK_MS, WEEK_MS + 1, Number.NaN].map((ms) => isTooOldForMeta(1_000, 1_000 + ms)),
  ).toEqual([false, false, true, true]);
});
