/** What an organisation has bought. The table is the published one; `custom` takes its own monthly limit. */
export const PLAN_NAMES = ['starter', 'growth', 'scale', 'enterprise', 'custom'] as const;
export type PlanName = (typeof PLAN_NAMES)[number];

export interface Plan {
  /** Events a month up to which nothing is said. `null`: unlimited. */
  readonly monthlyLimit: number | null;
  /** Requests a minute over HTTP, shared by all instances. `null`: none. */
  readonly requestsPerMinute: number | null;
  /** Requests that may come at once before the rate counts. */
  readonly requestBurst: number | null;
}

export const PLANS: Readonly<Record<PlanName, Plan>> = {
  starter: { monthlyLimit: 50_000, requestsPerMinute: 2_000, requestBurst: 500 },
  growth: { monthlyLimit: 250_000, requestsPerMinute: 10_000, requestBurst: 2_500 },
  scale: { monthlyLimit: 1_000_000, requestsPerMinute: 60_000, requestBurst: 15_000 },
  enterprise: { monthlyLimit: null, requestsPerMinute: null, requestBurst: null },
  custom: { monthlyLimit: null, requestsPerMinute: null, requestBurst: null },
};

/** The cap at 125 % of the limit, rounded down; an unlimited plan has none. */
export const hardCapOf = (monthlyLimit: number | null): number | null =>
  monthlyLimit === null ? null : Math.floor((monthlyLimit * 5) / 4);

/** A custom rate allows a quarter of a minute's requests at once, as the published plans do. */
export const burstOf = (requestsPerMinute: number | null): number | null =>
  requestsPerMinute === null ? null : Math.max(1, Math.floor(requestsPerMinute / 4));

/** How much of the limit is used, in percent with two decimals, never rounded up to a threshold that was not reached. */
export const percentOf = (used: number, limit: number | null): number =>
  limit === null || limit === 0 ? 0 : Math.floor((used / limit) * 10_000) / 100;
