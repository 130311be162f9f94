import { describe, expect, it } from '@jest/globals';
import { parseOccurredAt } from './occurred-at.ts';

const NOW = Date.parse('2026-11-20T10:00:00.000Z');
const told = (text: string, nowMs = NOW) => {
  const read = parseOccurredAt(text, nowMs);
  return read.ok ? new Date(read.ms).toISOString() : read.message;
};

describe('occurredAt', () => {
  it.each([
    ['2026-11-20T10:00:00.000Z', '2026-11-20T10:00:00.000Z'],
    ['2026-11-20T11:00:00+01:00', '2026-11-20T10:00:00.000Z'],
    ['2026-11-20T04:30:00-0530', '2026-11-20T10:00:00.000Z'],
    ['2026-11-20T10:00+00', '2026-11-20T10:00:00.000Z'],
    ['2026-11-20 09:00:00.1234567Z', '2026-11-20T09:00:00.123Z'],
    ['2026-11-19', '2026-11-19T00:00:00.000Z'],
  ])('reads %s', (text, moment) => expect(told(text)).toBe(moment));

  it.each([
    '',
    'now',
    '20.11.2026',
    '1763632800',
    '2026-11-20T',
    '2026-1-2',
    '2026-11-20T10:00:00.000ZZ',
    '+012026-11-20',
  ])('refuses %p, which is not ISO 8601', (text) => expect(told(text)).toMatch(/must be ISO 8601/));

  it.each(['2026-02-30', '2026-13-01', '2026-11-20T24:00:00Z', '2026-11-20T10:60:00Z', '2026-00-10'])(
    'refuses %s, which does not exist',
    (text) => expect(told(text)).toMatch(/does not exist/),
  );

  it('refuses a time without a zone, which could mean any of 26 hours', () => {
    expect(told('2026-11-20T10:00:00')).toMatch(/time zone/);
  });

  it('takes five minutes ahead and not a millisecond more', () => {
    expect(told('2026-11-20T10:05:00.000Z')).toBe('2026-11-20T10:05:00.000Z');
    expect(told('2026-11-20T10:05:00.001Z')).toMatch(/5 minutes ahead/);
  });

  it('takes 24 months back and not a millisecond more', () => {
    expect(told('2024-11-20T10:00:00.000Z')).toBe('2024-11-20T10:00:00.000Z');
    expect(told('2024-11-20T09:59:59.999Z')).toMatch(/24 months back/);
    expect(told('2022-02-28T00:00:00Z', Date.parse('2024-02-29T00:00:00Z'))).toBe('2022-02-28T00:00:00.000Z');
  });
});
