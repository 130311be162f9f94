import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { between, costOf, lookAt } from '../measure/cost.ts';
import { alone, compared, type Scenario } from '../scenario.ts';
import { answersOf, assertAnswered, HttpCallers } from '../stage/callers.ts';
import { trackRequests } from './http-customers.ts';
import { openHttpStage } from './http-stage.ts';

const PEAK_CALLERS = 256;
/** In flight at any moment, more than five times as many as it takes to keep everything busy. */
const TOO_MANY_CALLERS = 2_048;
const PEAK_SECONDS = 10;
const OVERLOAD_SECONDS = 60;
const TRYING_SECONDS = 5;
const LEAST_GOODPUT = 0.9;
const NORMAL_WITHIN_SECONDS = 30;
/** One caller is answered as fast as before, but for what measuring wavers by. */
const NORMAL_RATIO = 1.5;
/** How one is turned away who may come again: by rate, or for now. */
const TURNED_AWAY = ['429', '503'];

/** For a minute, eight times as many callers as the services are busy with: what still gets through, and how soon all is well again. */
export const overload: Scenario = {
  name: 'overload',
  says: `${TOO_MANY_CALLERS.toLocaleString('en')} callers of POST /v1/events for a minute; beside ${PEAK_CALLERS}, and how soon it is over`,
  isLong: true,
  async run({ events, say }) {
    const seconds = events === undefined ? OVERLOAD_SECONDS : TRYING_SECONDS;
    const { stage, instances, customers, origin } = await openHttpStage();
    const callers = new HttpCallers({ origin, requests: trackRequests(customers) });
    try {
      const watched = [callers.process, ...stage.watched(...instances.map(({ process }) => process))];
      const calm = () => callers.run({ kind: 'closed', callers: 1, seconds: 1, warmSeconds: 0 });
      const closed = { kind: 'closed', warmSeconds: 2 } as const;
      const peak = await callers.run({
        ...closed,
        callers: PEAK_CALLERS,
        seconds: Math.min(seconds, PEAK_SECONDS),
      });
      await sleep(2_000);
      const before = await calm();
      const look = lookAt(watched);
      const over = await callers.run({ ...closed, callers: TOO_MANY_CALLERS, seconds });
      const { whole, accepted } = answersOf([over]);
      const cost = between(look, lookAt(watched), whole + accepted);
      const endedMs = performance.now();
      const after = [await calm()];
      while (
        !(after.at(-1)!.p50Ms <= before.p50Ms * NORMAL_RATIO) &&
        performance.now() - endedMs < 2_000 * NORMAL_WITHIN_SECONDS
      )
        after.push(await calm());
      const normalAfterSeconds = (performance.now() - endedMs) / 1_000;
      const rates = { ours: over.perSecond, baseline: peak.perSecond };
      say(
        `${Math.round(rates.ours)}/s whole answers beside ${Math.round(rates.baseline)}/s; all: ${JSON.stringify(over.statuses)}; normal after ${normalAfterSeconds.toFixed(0)} s`,
      );
      const wrong = Object.entries(over.statuses)
        .filter(([status]) => !['200', '202', ...TURNED_AWAY].includes(status))
        .reduce((sum, [, count]) => sum + count, 0);
      const exact = await assertAnswered(
        'events metered',
        () => stage.count('SELECT coalesce(sum(used), 0)::bigint AS n FROM dedup_meter.usage'),
        answersOf([peak, before, over, ...after]),
      );
      return {
        figures: [
          compared('overload, whole answers, beside those at the peak', '/s', rates, {
            atLeast: LEAST_GOODPUT,
          }),
          alone('overload, answers of neither 200, 202, 429 nor 503', 'answers', wrong, { atMost: 0 }),
          alone('overload, until one caller is answered as before', 's', normalAfterSeconds, {
            atMost: NORMAL_WITHIN_SECONDS,
          }),
        ],
        costs: [costOf('overload', [{ cost }])],
        rounds: [{ peak, before, over, after }],
        exact: [exact],
      };
    } finally {
      callers.close();
      await stage.close();
    }
  },
};
