import type { LoadResult } from '../load/http-load.ts';
import { beginCost, costOf, type RoundCost } from '../measure/cost.ts';
import { interleave } from '../measure/interleave.ts';
import { median } from '../measure/statistics.ts';
import { alone, compared, type Figure, type Scenario } from '../scenario.ts';
import { allOf, answersOf, assertAnswered, HttpCallers } from '../stage/callers.ts';
import { trackRequests } from './http-customers.ts';
import { COUNTED_OF_HTTP, openHttpStage } from './http-stage.ts';
import { openRawHttp } from './raw-http.ts';

const SECONDS = 3;
const WARM_SECONDS = 1;
/** Of each side, before anything: a process that has served a few hundred requests is not compiled yet. */
const WARM_UP_SECONDS = 15;
/** Of what the closed loop reached: an open loop at more than goes through has no latency, it has a queue that grows. */
const OPEN_SHARE = 0.75;
const PROMISED = { callers: 256, perSecond: 4_000, p99Ms: 150 };
const CALLERS = [1, 32, PROMISED.callers, 1_024];

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
  async run({ rounds, isWhole, say }) {
    const { stage, instances, customers, origins } = await openHttpStage();
    const open: HttpCallers[] = [];
    try {
      const raw = await openRawHttp(stage);
      const requests = trackRequests(customers);
      const ours = new HttpCallers({ origins, requests });
      const bare = new HttpCallers({ origins: [raw.origin], requests });
      open.push(ours, bare);
      const results: LoadResult[] = [];
      const watched = {
        ours: [ours.process, ...stage.watched(...instances.map(({ process }) => process))],
        baseline: [bare.process, ...stage.watched(...raw.processes)],
      };
      const assertExact = async (): Promise<string[]> => {
        const counts = [];
        for (const [what, text] of COUNTED_OF_HTTP)
          counts.push(await assertAnswered(what, () => stage.count(text), answersOf(results)));
        return counts;
      };
      const measured = async (side: 'ours' | 'baseline', callers: number): Promise<Round> => {
        const costFor = await beginCost(watched[side]);
        const closed = await { ours, baseline: bare }[side].run({
          ...{ kind: 'closed', callers, seconds: SECONDS, warmSeconds: WARM_SECONDS },
        });
        // With what the warm-up used, over what it brought.
        const cost = await costFor(allOf(closed));
        if (side === 'baseline') {
          say(`${callers} callers, baseline: ${inWords(closed)}`);
          return { callers, closed, cost };
        }
        const perSecond = closed.perSecond * OPEN_SHARE;
        const paced = await ours.run({
          ...{ kind: 'open', callers, seconds: SECONDS, warmSeconds: WARM_SECONDS, perSecond },
        });
        results.push(closed, paced);
        // Till all of it is on the timeline, too: else what comes next would pay for it.
        await assertExact();
        say(
          `${callers} callers, ours: ${inWords(closed)}; open loop at ${Math.round(perSecond)}/s: ${inWords(paced)}`,
        );
        return { callers, closed, open: paced, cost };
      };
      // What the first would pay for all: compiling, connecting, and meeting each customer for the first time.
      const warm = {
        kind: 'closed',
        callers: PROMISED.callers,
        seconds: WARM_UP_SECONDS,
        warmSeconds: 0,
      } as const;
      results.push(await ours.run(warm));
      await bare.run(warm);
      const taken = new Map<number, Record<'ours' | 'baseline', Round[]>>();
      for (const callers of isWhole ? CALLERS : [PROMISED.callers])
        taken.set(
          callers,
          await interleave(rounds, {
            ours: () => measured('ours', callers),
            baseline: () => measured('baseline', callers),
          }),
        );
      return {
        figures: [...taken].flatMap(([callers, of]) => figuresOf(callers, of)),
        costs: [...taken].flatMap(([callers, of]) =>
          (['ours', 'baseline'] as const).map((side) => costOf(`${callers} callers, ${side}`, of[side])),
        ),
        rounds: [...taken.values()].flatMap((of) => [...of.ours, ...of.baseline]),
        exact: await assertExact(),
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
  const paced = `${name}, open loop at ${OPEN_SHARE * 100} % of that`;
  const closed = (side: 'ours' | 'baseline', of: (result: LoadResult) => number) =>
    median(taken[side].map((round) => of(round.closed)));
  const open = (of: (result: LoadResult) => number) => median(taken.ours.map((round) => of(round.open!)));
  const isPromised = callers === PROMISED.callers;
  const p99 = isPromised ? { atMost: PROMISED.p99Ms } : undefined;
  const none = isPromised ? { atMost: 0 } : undefined;
  const answers = answersOf(taken.ours.flatMap((round) => [round.closed, round.open!]));
  const rate = {
    ours: closed('ours', ({ perSecond }) => perSecond),
    baseline: closed('baseline', ({ perSecond }) => perSecond),
  };
  return [
    compared(`${name}, closed loop, beside HTTP over raw kafkajs`, 'req/s', rate),
    ...(isPromised
      ? [alone(`${name}, closed loop`, 'req/s', rate.ours, { atLeast: PROMISED.perSecond })]
      : []),
    alone(
      `${name}, closed loop, p50`,
      'ms',
      closed('ours', ({ p50Ms }) => p50Ms),
    ),
    alone(
      `${name}, closed loop, p99`,
      'ms',
      closed('ours', ({ p99Ms }) => p99Ms),
      p99,
    ),
    alone(
      `${paced}, p50`,
      'ms',
      open(({ p50Ms }) => p50Ms),
    ),
    alone(
      `${paced}, p99`,
      'ms',
      open(({ p99Ms }) => p99Ms),
      p99,
    ),
    alone(`${name}, answers of 202`, 'answers', answers.accepted, none),
    alone(`${name}, other answers than 200 and 202`, 'answers', answers.others, none),
  ];
}
