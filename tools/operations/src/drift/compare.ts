/** What one look at an organisation's month found. */
export interface Look {
  readonly organizationId: string;
  /** Events that the ledger had counted before, and after, the others were asked. */
  readonly ledgerBefore: number;
  readonly ledgerAfter: number;
  /** `undefined`: Redis holds no count of it that is valid now; it is given one from the ledger when the next event comes. */
  readonly redis?: { readonly total: number; readonly shares: number } | undefined;
  readonly timeline: number;
}

export interface Difference {
  readonly organizationId: string;
  readonly ledger: number;
  readonly redis: number | null;
  readonly redisDifference: number;
  readonly timeline: number;
  readonly timelineDifference: number;
}

/** How far a value lies outside what was true at some moment while it was read; 0: within. */
export function outside(value: number, from: number, to: number): number {
  if (value < from) return value - from;
  return value > to ? value - to : 0;
}

/**
 * The ledger moves while Redis and the timeline are read: what lies between its two readings is right. Redis runs ahead by what is
 * being committed, for milliseconds; the total must be the sum of its shares at all times.
 */
export function compare({ organizationId, ledgerBefore, ledgerAfter, redis, timeline }: Look): Difference {
  const torn = redis ? redis.total - redis.shares : 0;
  return {
    organizationId,
    ledger: ledgerAfter,
    redis: redis?.total ?? null,
    redisDifference: redis ? outside(redis.total, ledgerBefore, ledgerAfter) || torn : 0,
    timeline,
    timelineDifference: outside(timeline, ledgerBefore, ledgerAfter),
  };
}

const smaller = (a: number, b: number): number => (Math.abs(b) < Math.abs(a) ? b : a);

/** Of several looks at the same organisation: only what each of them saw is a difference. */
export function agree(earlier: Difference, later: Difference): Difference {
  return {
    ...later,
    redisDifference: smaller(earlier.redisDifference, later.redisDifference),
    timelineDifference: smaller(earlier.timelineDifference, later.timelineDifference),
  };
}

export const isZero = ({ redisDifference, timelineDifference }: Difference): boolean =>
  redisDifference === 0 && timelineDifference === 0;

/** A timeline that lacks no more than it has still to read is late, not wrong. */
export const isLate = ({ timelineDifference }: Difference, behind: number): boolean =>
  timelineDifference < 0 && -timelineDifference <= behind;
