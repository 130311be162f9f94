import { availableParallelism } from 'node:os';
import type { LoadResult } from '../load/http-load.ts';
import { beginCost, costOf, totalOf, type RoundCost } from '../measure/cost.ts';
import { interleave } from '../measure/interleave.ts';
import { median } from '../measure/statistics.ts';
import { alone, compared, type Figure, type Scenario } from '../scenario.ts';
import { allOf, answersOf, assertAnswered, HttpCallers } from '../stage/callers.ts';
import { trackRequests } from './http-customers.ts';
import { COUNTED_OF_HTTP, openHttpStage } from './http-stage.ts';
import { kafkaDoorRound, type OurDoorRound } from './kafka-door.ts';

const EVENTS_OF_A_ROUND = 100_000;
const INSTANCES = [1, 2, 3];
const CALLERS = 256;
const SECONDS = 4;
const WARM_SECONDS = 3;
/** Of the machine's cores: with as many of them busy, nothing but the processor is waited for. */
const SATURATED = 0.9;

interface TrackRound {
  readonly perSecond: number;
  readonly result: LoadResult;
  readonly cost: RoundCost;
}

interface Taken<Round> {
  readonly ofEach: number;
  readonly rounds: readonly Round[];
}

/** More instances of each service on the same machine: what that costs per event, and what it brings while there are cores. */
export const scaling: Scenario = {
  name: 'scaling',
  says: 'the pipeline, and 256 callers of POST /v1/events, with 2 and 3 instances of each service on the same cores; beside one of each',
  isLong: true,
  async run({ rounds, events = EVENTS_OF_A_ROUND, say }) {
    const door = await withEach(rounds, async (instances) => {
      const taken = await kafkaDoorRound({ events, instances });
      say(`${instances} of each: ${Math.round(taken.eventsPerSecond).toLocaleString('en')} events/s`);
      return taken;
    });
    const track = await withEach(rounds, async (instances) => {
      const taken = await trackRound(instances);
      say(`${instances} of each: ${Math.round(taken.perSecond).toLocaleString('en')} requests/s`);
      return taken;
    });
    return {
      figures: [
        ...figuresOf('pipeline', 'events', door, ({ eventsPerSecond }) => eventsPerSecond),
        ...figuresOf(`track, ${CALLERS} callers`, 'requests', track, ({ perSecond }) => perSecond),
        alone(
          `track, ${CALLERS} callers, other answers than 200 and 202`,
          'answers',
          answersOf(track.flatMap((taken) => taken.rounds.map(({ result }) => result))).others,
        ),
      ],
      costs: [
        ...door.map((taken) => costOf(`pipeline, ${taken.ofEach} of each service`, taken.rounds)),
        ...track.map((taken) => costOf(`track, ${taken.ofEach} of each service`, taken.rounds)),
      ],
      rounds: [...door, ...track],
      exact: [
        'every round: ledger, usage, topics and timeline hold what was sent',
        'every round: usage and timeline hold what was answered',
      ],
      notes: door.map(bottleneckOf),
    };
  },
};

async function withEach<Round>(
  rounds: number,
  round: (instances: number) => Promise<Round>,
): Promise<Taken<Round>[]> {
  const taken = await interleave(
    rounds,
    Object.fromEntries(INSTANCES.map((instances) => [String(instances), () => round(instances)])),
  );
  return INSTANCES.map((ofEach) => ({ ofEach, rounds: taken[String(ofEach)]! }));
}

async function trackRound(instances: number): Promise<TrackRound> {
  const { stage, instances: all, customers, origins } = await openHttpStage({ instances });
  const callers = new HttpCallers({ origins, requests: trackRequests(customers) });
  try {
    const closed = { kind: 'closed', callers: CALLERS } as const;
    const warm = await callers.run({ ...closed, seconds: WARM_SECONDS, warmSeconds: 0 });
    const costFor = await beginCost([
      callers.process,
      ...stage.watched(...all.map(({ process }) => process)),
    ]);
    const result = await callers.run({ ...closed, seconds: SECONDS, warmSeconds: 0 });
    const cost = await costFor(allOf(result));
    for (const [what, text] of COUNTED_OF_HTTP)
      await assertAnswered(what, () => stage.count(text), answersOf([warm, result]));
    return { perSecond: result.perSecond, result, cost };
  } finally {
    callers.close();
    await stage.close();
  }
}

function figuresOf<Round extends { readonly cost: RoundCost }>(
  what: string,
  unit: string,
  [one, ...more]: readonly Taken<Round>[],
  rateOf: (round: Round) => number,
): Figure[] {
  const rate = ({ rounds }: Taken<Round>) => median(rounds.map(rateOf));
  const cpu = ({ rounds }: Taken<Round>) => 1_000 * median(rounds.map(({ cost }) => totalOf(cost.cpu)));
  return more.flatMap((taken) => {
    const name = `${what}, ${taken.ofEach} instances of each service, beside one`;
    return [
      compared(name, `${unit}/s`, { ours: rate(taken), baseline: rate(one!) }),
      compared(`${name}: all processes`, `CPU ms per 1,000 ${unit}`, {
        ours: cpu(taken),
        baseline: cpu(one!),
      }),
    ];
  });
}

/** Where it is waited: for the processor, or in front of a service. */
function bottleneckOf({ ofEach, rounds }: Taken<OurDoorRound>): string {
  const busy = median(rounds.map(({ cost }) => cost.busyCores));
  const waiting = (name: 'trigger' | 'timeline') =>
    Math.round(median(rounds.map((round) => round.waiting[name]))).toLocaleString('en');
  const [dearest] = Object.entries(costOf('', rounds).cpu).sort(([, a], [, b]) => b - a);
  const cores = availableParallelism();
  return (
    `${ofEach} of each: ${busy.toFixed(1)} of ${cores} cores busy${busy >= SATURATED * cores ? ': the processor is the bottleneck' : ''}; ` +
    `published events that wait for trigger ${waiting('trigger')}, for timeline ${waiting('timeline')}, all others in front of dedup-meter; ` +
    `verdicts published again after a partition changed hands: ${Math.max(...rounds.map(({ repeated }) => repeated)).toLocaleString('en')} at most; ` +
    (dearest ? `most CPU: ${dearest[0]}, ${(dearest[1] * 1_000).toFixed(1)} ms per 1,000 events` : '')
  );
}
