import { describe, expect, it } from '@jest/globals';
import { cronerCalendar } from './croner-calendar.ts';

const { problems, nextAfter } = cronerCalendar;

/** The next due times, as an ISO text each. */
function due(schedule: string, timezone: string, from: string, count = 3): string[] {
  const times: string[] = [];
  let at = Date.parse(from);
  while (times.length < count) {
    at = nextAfter({ schedule, timezone }, at)!;
    times.push(new Date(at).toISOString());
  }
  return times;
}

describe('a calendar', () => {
  it.each([
    ['0 9 * * 1-5', 'Europe/Madrid', '2026-03-06T09:00:00Z', ['2026-03-09T08:00:00.000Z']],
    ['*/15 * * * *', 'UTC', '2026-01-01T00:00:00Z', ['2026-01-01T00:15:00.000Z', '2026-01-01T00:30:00.000Z']],
    ['0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z', ['2028-02-29T00:00:00.000Z']],
    ['0 9 L * *', 'UTC', '2026-02-01T00:00:00Z', ['2026-02-28T09:00:00.000Z']],
  ])('knows when %s in %s is due', (schedule, timezone, from, expected) =>
    expect(due(schedule, timezone, from, expected.length)).toEqual(expected),
  );

  it('never gives the moment it is asked for', () =>
    expect(due('0 9 * * *', 'UTC', '2026-01-01T09:00:00Z', 1)).toEqual(['2026-01-02T09:00:00.000Z']));

  it('skips no day and doubles none when clocks change', () => {
    expect(due('30 2 * * *', 'Europe/Madrid', '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
    expect(due('30 2 * * *', 'Europe/Madrid', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
  });

  it.each([
    ['0 9 * * 1-5', undefined, []],
    ['0 9 * * MON#2', 'America/New_York', []],
    ['61 * * * *', undefined, ['schedule']],
    ['* * * *', undefined, ['schedule']],
    ['* * * * * *', undefined, ['schedule']],
    ['@daily', undefined, ['schedule']],
    ['2026-01-01T00:00:00', undefined, ['schedule']],
    ['0 0 30 2 *', undefined, ['schedule']],
    ['*/0 * * * *', undefined, ['schedule']],
    ['', undefined, ['schedule']],
    ['0 9 * * *', 'Nowhere/At_All', ['timezone']],
    ['0 9 * * *', '+02:00', ['timezone']],
  ])('says what is wrong with %j in %j', (schedule, timezone, keys) =>
    expect(problems(schedule, timezone).map(({ key }) => key)).toEqual(keys),
  );
});
