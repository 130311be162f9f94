import { describe, expect, it } from '@jest/globals';
import { outcomeOfAnswer, retryAfterMs } from './http-answer.ts';

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);
const kindOf = (status: number) => outcomeOfAnswer({ status, body: '' }, NOW).kind;

describe('the status of an answer', () => {
  it.each([200, 201, 202, 204, 299])('%i: delivered', (status) => expect(kindOf(status)).toBe('delivered'));
  it.each([408, 409, 425, 429, 500, 502, 503, 504, 599])('%i: not now', (status) =>
    expect(kindOf(status)).toBe('not_now'),
  );
  it.each([300, 301, 304, 400, 401, 403, 404, 405, 410, 413, 422, 451])('%i: never', (status) =>
    expect(kindOf(status)).toBe('never'),
  );

  it('is told with the beginning of the body', () => {
    expect(outcomeOfAnswer({ status: 422, body: 'x'.repeat(9_000) }, NOW).detail).toEqual({
      status: 422,
      body: 'x'.repeat(500),
    });
  });

  it('is told as text that a database takes, wherever the beginning ends', () => {
    const body = `\0${'x'.repeat(499)}😀`;
    expect(outcomeOfAnswer({ status: 200, body }, NOW).detail).toEqual({
      status: 200,
      body: `${'x'.repeat(499)}\ufffd`,
    });
  });
});

describe('Retry-After', () => {
  it.each([
    ['120', 120_000],
    [' 0 ', 0],
    ['Sat, 21 Nov 2026 12:00:30 GMT', 30_000],
    ['Sat, 21 Nov 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['99999999999999999999', undefined],
    ['', undefined],
  ])('%j: %s', (header, ms) => expect(retryAfterMs(header, NOW)).toBe(ms));

  it('goes with what is tried again', () => {
    expect(outcomeOfAnswer({ status: 429, retryAfter: '7', body: '' }, NOW)).toMatchObject({
      afterMs: 7_000,
    });
  });
});
