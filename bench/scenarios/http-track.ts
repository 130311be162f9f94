import type { LoadResult } from '../load/http-load.ts';
import { between, costOf, lookAt, type RoundCost } from '../measure/cost.ts';
import { interleave } from '../measure/interleave.ts';
import { median } from '../measure/statistics.ts';
import { alone, compared, type Figure, type Scenario } from '../scenario.ts';
import { answersOf, assertAnswered, HttpCallers } from '../stage/callers.ts';
import { trackRequests } from './http-customers.ts';
import { openHttpStage } from './http-stage.ts';
import { openRawHttp } from './raw-http.ts';

const CALLERS = [1, 32, 256, 1_024];
const SECONDS = 3;
const TRYING_SECONDS = 5;
const WARM_SECONDS = 1;
/** Of what the closed loop reached: an open loop at more than goes through has no latency, it has a queue that grows. */
const OPEN_SHARE = 0.75;
const PROMISED = { callers: 256, perSecond: 4_000, p99Ms: 150 };

interface Round {
  readonly callers: number;
  readonly closed: LoadResult;
  /** The baseline has none. */
  readonly open?: LoadResult;
  readonly cost: RoundCost;
}

/** Many callers of `POST /v1/events` at once, each answered when its event was judged, committed and compared with the workflows. */
export const httpTrack: Scenario = {
  name: 'http-track',
  says: '1, 32, 256 and 1,024 callers of POST /v1/events, closed loop for what goes through, open loop for how long it takes; beside HTTP over raw kafkajs',
  async run({ rounds, events, say }) {
    // `--events` is for trying it out: then nothing is measured for longer than this.
    const seconds = events === undefined ? SECONDS : TRYING_SECONDS;
    const { stage, instances, customers, origin } = await openHttpStage();
    const open: HttpCallers[] = [];
    try {
      const raw = await openRawHttp(stage);
      const requests = trackRequests(customers);
      const ours = new HttpCallers({ origin, requests });
      const bare = new HttpCallers({ origin: raw.origin, requests });
      open.push(ours, bare);
      const results: LoadResult[] = [];
      const watched = {
        ours: [ours.process, ...stage.watched(...instances.map(({ process }) => process))],
        baseline: [bare.process, ...stage.watched(...raw.processes)],
      };
      const measured = async (side: 'ours' | 'baseline', callers: number): Promise<Round> => {
        const before = lookAt(watched[side]);
        const closed = await { ours, baseline: bare }[side].run({
          ...{ kind: 'closed', callers, seconds, warmSeconds: WARM_SECONDS },
        });
        // With what the warm-up used, over what it brought.
        const all = Object.values(closed.statuses).reduce((sum, count) => sum + count, 0);
        const cost = between(before, lookAt(watched[side]), all);
        if (side === 'baseline') {
          say(`${callers} callers, baseline: ${inWords(closed)}`);
          return { callers, closed, cost };
        }
        const perSecond = closed.perSecond * OPEN_SHARE;
        const paced = await ours.run({
          ...{ kind: 'open', callers, seconds, warmSeconds: WARM_SECONDS, perSecond },
        });
        results.push(closed, paced);
        say(
          `${callers} callers, ours: ${inWords(closed)}; open loop at ${Math.round(perSecond)}/s: ${inWords(paced)}`,
        );
        return { callers, closed, open: paced, cost };
      };
      // What the first would pay for all: compiling, connecting, and meeting each customer for the first time.
      const warm = { kind: 'closed', callers: 32, seconds, warmSeconds: WARM_SECONDS } as const;
      results.push(await ours.run(warm));
      await bare.run(warm);
      const taken = new Map<number, Record<'ours' | 'baseline', Round[]>>();
      for (const callers of CALLERS)
        taken.set(
          callers,
          await interleave(rounds, {
            ours: () => measured('ours', callers),
            baseline: () => measured('baseline', callers),
          }),
        );
      const counts = [];
      for (const [what, text] of [
        ['events metered', 'SELECT coalesce(sum(used), 0)::bigint AS n FROM dedup_meter.usage'],
        ['events on the timeline', 'SELECT count(*)::bigint AS n FROM timeline.event'],
      ] as const)
        counts.push(await assertAnswered(what, () => stage.count(text), answersOf(results)));
      return {
        figures: [...taken].flatMap(([callers, of]) => figuresOf(callers, of)),
        costs: [...taken].flatMap(([callers, of]) =>
          (['ours', 'baseline'] as const).map((side) => costOf(`${callers} callers, ${side}`, of[side])),
        ),
        rounds: [...taken.values()].flatMap((of) => [...of.ours, ...of.baseline]),
        exact: counts,
      };
    } finally {
      for (const each of open) each.close();
      await stage.close();
    }
  },
};

const inWords = ({ perSecond, p50Ms, p99Ms }: LoadResult): string =>
  `${Math.round(perSecond).toLocaleString('en')}/s, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;

function figuresOf(callers: number, taken: Record<'ours' | 'baseline', readonly Round[]>): Figure[] {
  const name = `track, ${callers.toLocaleString('en')} callers`;
  const rate = (side: 'ours' | 'baseline') => median(taken[side].map(({ closed }) => closed.perSecond));
  const opened = (of: (result: LoadResult) => number) => median(taken.ours.map(({ open }) => of(open!)));
  const isPromised = callers === PROMISED.callers;
  const answers = answersOf(taken.ours.flatMap(({ closed, open }) => [closed, open!]));
  const none = isPromised ? { atMost: 0 } : undefined;
  return [
    compared(`${name}, closed loop, beside HTTP over raw kafkajs`, 'req/s', {
      ours: rate('ours'),
      baseline: rate('baseline'),
    }),
    ...(isPromised
      ? [alone(`${name}, closed loop`, 'req/s', rate('ours'), { atLeast: PROMISED.perSecond })]
      : []),
    alone(
      `${name}, open loop at ${OPEN_SHARE * 100} % of that, p50`,
      'ms',
      opened(({ p50Ms }) => p50Ms),
    ),
    alone(
      `${name}, open loop at ${OPEN_SHARE * 100} % of that, p99`,
      'ms',
      opened(({ p99Ms }) => p99Ms),
      isPromised ? { atMost: PROMISED.p99Ms } : undefined,
    ),
    alone(`${name}, answers of 202`, 'answers', answers.accepted, none),
    alone(`${name}, other answers than 200 and 202`, 'answers', answers.others, none),
  ];
}
