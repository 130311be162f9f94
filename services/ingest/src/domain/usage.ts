import { monthEnd, monthOf, percentOf } from '@trackline/contracts';

/** What metering needs to know of an organisation. `null`: unlimited. */
export interface MeteredPlan {
  readonly monthlyLimit: number | null;
  readonly hardCap: number | null;
}

/** `X-Event-*` as they stand after the event. Only the limit is soft: past it events are accepted up to the hard cap. */
export function usageHeaders(plan: MeteredPlan, used: number): Record<string, string> {
  const { monthlyLimit } = plan;
  return {
    'X-Event-Limit': monthlyLimit === null ? '-1' : String(monthlyLimit),
    'X-Event-Current': String(used),
    'X-Event-Remaining': monthlyLimit === null ? '-1' : String(Math.max(0, monthlyLimit - used)),
    'X-Event-Percent': String(percentOf(used, monthlyLimit)),
  };
}

/** When the month of `nowMs` is over and the meter starts at nought. */
export const resetsAtMs = (nowMs: number): number => monthEnd(monthOf(nowMs));
