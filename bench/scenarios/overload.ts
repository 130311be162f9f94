import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadRequest, LoadResult, LoadTask } from '../load/http-load.ts';
import { beginCost, costOf, type RoundCost } from '../measure/cost.ts';
import { alone, compared, type Figure, type Scenario } from '../scenario.ts';
import {
  allOf,
  answersOf,
  assertAnswered,
  HttpCallers,
  withoutStatuses,
  type Answers,
} from '../stage/callers.ts';
import { batchRequests, trackRequests, type Caller } from './http-customers.ts';
import { COUNTED_OF_HTTP, openHttpStage, type HttpStage } from './http-stage.ts';

const WARM_SECONDS = 5;
const PEAK_SECONDS = 10;
const OVERLOAD_SECONDS = 60;
/** What a usual run has time for. */
const SHORT_SECONDS = 15;
const TRYING_SECONDS = 5;
const LEAST_GOODPUT = 0.9;
const NORMAL_WITHIN_SECONDS = 30;
/** So long it is watched, to tell how much too late it was. */
const WATCHED_SECONDS = 60;
/** One caller is answered as fast as before, but for what measuring wavers by. */
const NORMAL_RATIO = 1.5;
/** How one is turned away who may come again: by rate, or for now. */
const TURNED_AWAY = ['429', '503'];
const BATCH = 1_000;

/** How too much is asked. */
interface Way {
  readonly name: string;
  readonly eventsOfEach: number;
  requests(customers: readonly Caller[]): LoadRequest[];
  /** As many callers as it takes to keep everything busy. */
  readonly peakCallers: number;
  /** What is too much, when so many whole answers a second are the peak. */
  tooMuch(peakPerSecond: number): LoadLoop;
}

type LoadLoop =
  | { readonly kind: 'closed'; readonly callers: number }
  | { readonly kind: 'open'; readonly callers: number; readonly perSecond: number };

const WAYS: readonly Way[] = [
  {
    // By requests in flight: a generator of five times as many small requests a second would take the cores from what it measures.
    name: '2,048 callers of single events',
    eventsOfEach: 1,
    requests: trackRequests,
    peakCallers: 256,
    tooMuch: () => ({ kind: 'closed', callers: 2_048 }),
  },
  {
    // By rate: of requests as large as these, five times as many cost the generator little.
    name: 'batches at five times the peak',
    eventsOfEach: BATCH,
    requests: (customers) => batchRequests(customers, BATCH),
    peakCallers: 8,
    tooMuch: (peakPerSecond) => ({ kind: 'open', callers: 512, perSecond: 5 * peakPerSecond }),
  },
];

interface Round {
  readonly name: string;
  readonly peak: LoadResult;
  readonly over: LoadResult;
  /** Requests a second, of those that were sent for too much. */
  readonly offeredPerSecond: number;
  readonly normalAfterSeconds: number;
  readonly cost: RoundCost;
  readonly exact: readonly string[];
}

/** More than can be done: what still gets through, how the rest is turned away, and how soon all is well again. */
export const overload: Scenario = {
  name: 'overload',
  says: 'far more callers of POST /v1/events, and five times as many batches, than can be served; beside as many as can, and how soon it is over',
  async run({ events, isWhole, say }) {
    const seconds = events === undefined ? (isWhole ? OVERLOAD_SECONDS : SHORT_SECONDS) : TRYING_SECONDS;
    const taken: Round[] = [];
    for (const way of WAYS) {
      const round = await overloaded(way, seconds);
      say(inWords(round));
      taken.push(round);
    }
    return {
      figures: taken.flatMap(figuresOf),
      costs: taken.map((round) => costOf(`overload, ${round.name}`, [round])),
      rounds: taken,
      exact: taken.flatMap(({ exact }) => exact),
    };
  },
};

async function overloaded(way: Way, seconds: number): Promise<Round> {
  const { name, eventsOfEach } = way;
  const http = await openHttpStage();
  const { stage, instances, customers, origins } = http;
  const callers = new HttpCallers({ origins, requests: way.requests(customers) });
  const one = new HttpCallers({ origins, requests: trackRequests(customers) });
  try {
    const calm = () => one.run({ kind: 'closed', callers: 1, seconds: 1, warmSeconds: 0 });
    const atPeak = (lasting: number): LoadTask => ({
      ...{ kind: 'closed', callers: way.peakCallers, seconds: lasting, warmSeconds: 1 },
    });
    // What the peak would pay for: compiling, and meeting each customer for the first time.
    const warm = await callers.run(atPeak(WARM_SECONDS));
    const peak = await callers.run(atPeak(Math.min(seconds, PEAK_SECONDS)));
    if (peak.whole === 0) throw new Error(`${name}: at the peak, nothing was wholly answered.`);
    await sleep(2_000);
    const before = await calm();
    const watched = [callers.process, ...stage.watched(...instances.map(({ process }) => process))];
    const costFor = await beginCost(watched);
    const beganMs = performance.now();
    const tooMuch = way.tooMuch(peak.perSecond);
    const over = await callers.run({ ...tooMuch, seconds, warmSeconds: 2 });
    const tookSeconds = (performance.now() - beganMs) / 1_000;
    // An open loop sends what it is meant to, however long it waits for the last answer.
    const offeredPerSecond = tooMuch.kind === 'open' ? tooMuch.perSecond : allOf(over) / tookSeconds;
    const cost = await costFor(Math.max(1, answersOf([over]).whole) * eventsOfEach);
    const { after, normalAfterSeconds } = await untilNormal(calm, before);
    const exact = await counted(http, [warm, peak, over], [before, ...after], eventsOfEach);
    return { name, peak, over, offeredPerSecond, normalAfterSeconds, cost, exact };
  } finally {
    callers.close();
    one.close();
    await stage.close();
  }
}

/** Second by second, until one caller is answered as it was before: each time with 200, and as soon. */
async function untilNormal(calm: () => Promise<LoadResult>, before: LoadResult) {
  const endedMs = performance.now();
  const secondsSince = () => (performance.now() - endedMs) / 1_000;
  const after: LoadResult[] = [];
  for (;;) {
    const look = await calm();
    after.push(look);
    const isNormal = look.whole === look.measured && look.p50Ms <= before.p50Ms * NORMAL_RATIO;
    if (isNormal || secondsSince() > WATCHED_SECONDS) return { after, normalAfterSeconds: secondsSince() };
  }
}

/** Waits until the backlog that was accepted is through. */
async function counted(
  { stage }: HttpStage,
  many: readonly LoadResult[],
  single: readonly LoadResult[],
  eventsOfEach: number,
): Promise<string[]> {
  // A 429 is an answer by which nothing counts.
  const answers = (results: readonly LoadResult[]) =>
    answersOf(results.map((result) => withoutStatuses(result, '429')));
  const [ofMany, ofSingle] = [answers(many), answers(single)];
  const events = (of: keyof Answers) => ofMany[of] * eventsOfEach + ofSingle[of];
  const sum: Answers = { whole: events('whole'), accepted: events('accepted'), others: events('others') };
  const exact = [];
  for (const [what, text] of COUNTED_OF_HTTP)
    exact.push(await assertAnswered(what, () => stage.count(text), sum));
  return exact;
}

function figuresOf({ name, peak, over, offeredPerSecond, normalAfterSeconds }: Round): Figure[] {
  const wrong = Object.entries(over.statuses)
    .filter(([status]) => !['200', '202', ...TURNED_AWAY].includes(status))
    .reduce((sum, [, count]) => sum + count, 0);
  const rates = { ours: over.perSecond, baseline: peak.perSecond };
  const what = `overload, ${name}`;
  const none = { atMost: 0 };
  return [
    compared(`${what}: whole answers, beside the peak`, '/s', rates, { atLeast: LEAST_GOODPUT }),
    compared(`${what}: requests, beside the whole answers at the peak`, '/s', {
      ours: offeredPerSecond,
      baseline: peak.perSecond,
    }),
    alone(`${what}: accepted, and not judged in time`, 'answers', over.undecided, none),
    alone(`${what}: answers of neither 200, 202, 429 nor 503`, 'answers', wrong, none),
    alone(`${what}: 429 and 503 without Retry-After`, 'answers', over.withoutRetryAfter, none),
    alone(`${what}: until one caller is answered as before`, 's', normalAfterSeconds, {
      atMost: NORMAL_WITHIN_SECONDS,
    }),
  ];
}

const inWords = ({ name, peak, over, offeredPerSecond, normalAfterSeconds }: Round): string =>
  `${name}: ${over.perSecond.toFixed(1)}/s whole answers beside ${peak.perSecond.toFixed(1)}/s, of ${offeredPerSecond.toFixed(1)}/s; all: ${JSON.stringify(over.statuses)}, ${over.undecided} of them undecided; normal after ${normalAfterSeconds.toFixed(0)} s`;
