import { describe, expect, it } from '@jest/globals';
import { resetsAtMs, usageHeaders } from './usage.ts';

const growth = { monthlyLimit: 250_000, hardCap: 312_500 };

describe('usage headers', () => {
  it.each([
    [1, '249999', '0'],
    [125_000, '125000', '50'],
    [199_999, '50001', '79.99'],
    [250_000, '0', '100'],
    [250_001, '0', '100'],
    [312_500, '0', '125'],
  ])('after %i events', (used, remaining, percent) => {
    expect(usageHeaders(growth, used)).toEqual({
      'X-Event-Limit': '250000',
      'X-Event-Current': String(used),
      'X-Event-Remaining': remaining,
      'X-Event-Percent': percent,
    });
  });

  it('say -1 and 0 of an unlimited plan', () => {
    expect(usageHeaders({ monthlyLimit: null, hardCap: null }, 7)).toEqual({
      'X-Event-Limit': '-1',
      'X-Event-Current': '7',
      'X-Event-Remaining': '-1',
      'X-Event-Percent': '0',
    });
  });
});

describe('the meter', () => {
  it('starts at nought on the first of the next month, UTC', () => {
    expect(new Date(resetsAtMs(Date.parse('2026-12-31T23:59:59.999Z'))).toISOString()).toBe(
      '2027-01-01T00:00:00.000Z',
    );
    expect(new Date(resetsAtMs(Date.parse('2026-11-01T00:00:00.000Z'))).toISOString()).toBe(
      '2026-12-01T00:00:00.000Z',
    );
  });
});
