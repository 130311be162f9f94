import { Type, type Static } from '@sinclair/typebox';
import { PLAN_NAMES } from '../plans.ts';
import { defineRoute } from '../route.ts';
import { Timestamp } from '../schemas.ts';

const Period = Type.String({ description: 'A calendar month, UTC.', examples: ['2026-11'] });
const OrNone = (description: string) => Type.Union([Type.Integer(), Type.Null()], { description });

/** What an organisation has used of its plan. Counted by the month and day in which the broker received the event. */
export const UsageReport = Type.Object({
  period: Period,
  plan: Type.Union(PLAN_NAMES.map((name) => Type.Literal(name))),
  limit: OrNone('Events a month in the plan; null: unlimited.'),
  hardCap: OrNone('From this many on, events are refused; null: none.'),
  used: Type.Integer(),
  remaining: OrNone('Events left in the plan, the grace zone not counted; null: unlimited.'),
  percent: Type.Number({ description: 'Of the limit; 0 when unlimited.' }),
  zone: Type.Union([Type.Literal('included'), Type.Literal('grace'), Type.Literal('exhausted')], {
    description:
      'Within the limit, between limit and hard cap (still accepted), or at the hard cap (refused).',
  }),
  resetsAt: Timestamp,
  days: Type.Array(Type.Object({ date: Type.String({ examples: ['2026-11-20'] }), used: Type.Integer() }), {
    description: 'Days of this month on which anything was counted.',
  }),
  months: Type.Array(Type.Object({ period: Period, used: Type.Integer() }), {
    description: 'The last twelve months, this one included, as far as anything was counted.',
  }),
});
export type UsageReport = Static<typeof UsageReport>;

export const getUsage = defineRoute({
  id: 'getUsage',
  service: 'dedup-meter',
  method: 'GET',
  path: '/v1/usage',
  auth: 'read',
  tag: 'Usage',
  summary: 'What is used of the plan',
  description: 'From the ledger: exactly what is billed. Duplicates, refusals and resends are not in it.',
  responses: {
    200: { description: 'The running month, its days, and the months before.', schema: UsageReport },
  },
  errors: ['UNAUTHORIZED', 'FORBIDDEN', 'UNAVAILABLE'],
});

export const usageRoutes = [getUsage];
