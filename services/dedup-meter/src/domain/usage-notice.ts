import { hardCapOf, type UsageNotice } from '@trackline/contracts';
import type { Decision } from './verdict.ts';

export const THRESHOLDS = [80, 100, 125] as const;
export type Threshold = (typeof THRESHOLDS)[number];

/** A notice, and the position of the event that crossed the threshold: with the event, the notice is repeated. */
export interface RaisedNotice extends UsageNotice {
  readonly offset: number;
}

/** From how many events of the month on a threshold is reached; the last one is the hard cap. */
export const eventsAt = (threshold: Threshold, monthlyLimit: number): number =>
  threshold === 125 ? hardCapOf(monthlyLimit)! : Math.ceil((monthlyLimit * threshold) / 100);

/**
 * Thresholds that the month has reached by the admitted events of one organisation in a batch, and `isNoticed` does not know of. At or
 * above, not just crossed: the first batch after a crash may find the count on the far side. The ledger keeps each once.
 */
export function noticesOf(
  organizationId: string,
  month: string,
  monthlyLimit: number | null,
  decisions: readonly Decision[],
  isNoticed: (threshold: Threshold) => boolean,
): RaisedNotice[] {
  if (monthlyLimit === null) return [];
  return THRESHOLDS.filter((threshold) => !isNoticed(threshold)).flatMap((threshold) => {
    const reached = eventsAt(threshold, monthlyLimit);
    const crossing = decisions.find(
      ({ outcome }) => outcome.kind === 'admitted' && outcome.monthUsed >= reached,
    );
    if (crossing?.outcome.kind !== 'admitted') return [];
    return {
      organizationId,
      month,
      thresholdPercent: threshold,
      used: crossing.outcome.monthUsed,
      monthlyLimit,
      atMs: crossing.event!.receivedAtMs,
      offset: crossing.offset,
    };
  });
}
