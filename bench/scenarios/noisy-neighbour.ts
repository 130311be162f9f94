import { beginCost, costOf, type RoundCost } from '../measure/cost.ts';
import { interleave } from '../measure/interleave.ts';
import { median } from '../measure/statistics.ts';
import { alone, compared, type Scenario } from '../scenario.ts';
import type { LoadResult } from '../load/http-load.ts';
import { answersOf, assertAnswered, HttpCallers, withoutStatuses } from '../stage/callers.ts';
import { trackRequests } from './http-customers.ts';
import { COUNTED_OF_HTTP, openHttpStage } from './http-stage.ts';

const SECONDS = 6;
const WARM_SECONDS = 2;
const OTHERS_PER_SECOND = 200;
/** Of one on the smallest plan, which allows 33 a second. */
const FLOOD_PER_SECOND = 1_000;
const CALLERS = 64;
const MOST_RATIO = 2;

interface Round {
  readonly others: LoadResult;
  readonly flood?: LoadResult;
  readonly cost: RoundCost;
}

/** What all others feel of one organisation that calls thirty times as often as its plan allows. */
export const noisyNeighbour: Scenario = {
  name: 'noisy-neighbour',
  says: `${OTHERS_PER_SECOND} POST /v1/events a second of others, while one organisation floods with ${FLOOD_PER_SECOND}; beside the same without it`,
  async run({ rounds, say }) {
    const { stage, instances, customers, origins } = await openHttpStage();
    const open: HttpCallers[] = [];
    try {
      const [noisy] = customers;
      const changed = await stage.directory.updateOrganization(noisy!.organizationId, { plan: 'starter' });
      if (!changed) throw new Error('The plan was not changed.');
      const others = new HttpCallers({ origins, requests: trackRequests(customers.slice(1)) });
      const flood = new HttpCallers({ origins, requests: trackRequests([noisy!]) });
      open.push(others, flood);
      // What the first round, which is one without the flood, would pay for all: compiling, and meeting each customer for the first time.
      const warm = { kind: 'closed', callers: 32, seconds: SECONDS, warmSeconds: 0 } as const;
      const results: LoadResult[] = [await others.run(warm)];
      const round = (isFlooded: boolean) => async (): Promise<Round> => {
        const watched = [
          others.process,
          { ...flood.process, name: 'flood' },
          ...stage.watched(...instances.map(({ process }) => process)),
        ];
        const costFor = await beginCost(watched);
        const task = { kind: 'open', callers: CALLERS, seconds: SECONDS, warmSeconds: WARM_SECONDS } as const;
        const [ofOthers, ofFlood] = await Promise.all([
          others.run({ ...task, perSecond: OTHERS_PER_SECOND }),
          isFlooded ? flood.run({ ...task, perSecond: FLOOD_PER_SECOND }) : undefined,
        ]);
        const cost = await costFor(OTHERS_PER_SECOND * (SECONDS + WARM_SECONDS));
        results.push(ofOthers, ...(ofFlood ? [ofFlood] : []));
        say(
          `${isFlooded ? 'beside the flood' : 'alone'}: p50 ${ofOthers.p50Ms.toFixed(1)} ms, p99 ${ofOthers.p99Ms.toFixed(1)} ms${ofFlood ? `; the flood was answered ${JSON.stringify(ofFlood.statuses)}` : ''}`,
        );
        return { others: ofOthers, ...(ofFlood && { flood: ofFlood }), cost };
      };
      const taken = await interleave(rounds, { alone: round(false), flooded: round(true) });
      const of = (pick: (result: LoadResult) => number) => ({
        ours: median(taken.flooded.map(({ others: result }) => pick(result))),
        baseline: median(taken.alone.map(({ others: result }) => pick(result))),
      });
      const refused = (result: LoadResult) => answersOf([result]).others;
      const answers = answersOf(results.map((result) => withoutStatuses(result, '429')));
      const exact = [];
      for (const [what, text] of COUNTED_OF_HTTP)
        exact.push(await assertAnswered(what, () => stage.count(text), answers));
      return {
        figures: [
          compared(
            'others beside a flood, p99, beside without it',
            'ms',
            of(({ p99Ms }) => p99Ms),
            { atMost: MOST_RATIO },
          ),
          compared(
            'others beside a flood, p50, beside without it',
            'ms',
            of(({ p50Ms }) => p50Ms),
          ),
          alone(
            'others beside a flood, answers of neither 200 nor 202',
            'answers',
            taken.flooded.reduce((sum, { others: result }) => sum + refused(result), 0),
            { atMost: 0 },
          ),
          alone(
            'flood, answers of 429 and 503 without Retry-After',
            'answers',
            taken.flooded.reduce((sum, { flood: result }) => sum + result!.withoutRetryAfter, 0),
            { atMost: 0 },
          ),
        ],
        costs: [costOf('others alone', taken.alone), costOf('others beside a flood', taken.flooded)],
        rounds: [...taken.alone, ...taken.flooded],
        exact,
      };
    } finally {
      for (const each of open) each.close();
      await stage.close();
    }
  },
};
