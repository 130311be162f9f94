import { describe, expect, it } from '@jest/globals';
import { inOneOrder } from './in-one-order.ts';

const row = (occurredAtMs: number) => ({
  occurredAtMs,
  id: `0197f0e0-0000-7000-8000-${String(occurredAtMs).padStart(12, '0')}`,
});

describe('two readings', () => {
  it('become one, newest first, cut to the limit', () => {
    const one = inOneOrder({ rows: [row(9), row(5)] }, { rows: [row(7), row(1)] }, 3);
    expect(one).toEqual({ rows: [row(9), row(7), row(5)], reached: undefined });
  });

  it('leave for later what lies below the place that either has reached', () => {
    const one = inOneOrder({ rows: [row(9), row(2)] }, { rows: [row(7)], reached: row(6) }, 10);
    expect(one).toEqual({ rows: [row(9), row(7)], reached: row(6) });
    const both = inOneOrder({ rows: [], reached: row(3) }, { rows: [row(8)], reached: row(6) }, 10);
    expect(both).toEqual({ rows: [row(8)], reached: row(6) });
  });
});
