import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ADMITTED, INBOUND, RECEIVED } from '@trackline/contracts';
import {
  assertExact,
  eventually,
  faultSeeds,
  Fleet,
  Load,
  seededRandom,
  type FleetInstance,
  type Moment,
  type Random,
  type StrikeOrder,
} from '@trackline/testkit';

type Point = Omit<StrikeOrder, 'then'>;

const { seeds, isLong } = faultSeeds([1]);

/** In the long form also where nothing is decided. */
const BESIDES: readonly Moment[] = ['fetch', 'term', 'remember', 'join'];

/** Between fetch, judge, commit and publish, each with its reply lost as well, and around the commit of Kafka's offsets. */
const POINTS: readonly Point[] = (['before', 'after'] as const).flatMap((when): Point[] => [
  { moment: 'judge', when },
  { moment: 'commit', when },
  { moment: 'publish', when, containing: ADMITTED },
  { moment: 'offsets', when },
  ...(isLong ? BESIDES.map((moment): Point => ({ moment, when })) : []),
]);

/** Come only with a rebalance, and that only with another's death or start. */
const WITH_A_REBALANCE: readonly Moment[] = ['term', 'join'];

/** All points, so many times by each of two instances; in the short form once, dealt out to the two. */
const ROUNDS = isLong ? 10 : 1;
const DEATHS = isLong ? 2 * ROUNDS * POINTS.length : POINTS.length;
/** On a machine that is busy with other things, too. */
jest.setTimeout(300_000 + ROUNDS * 300_000);

let fleet: Fleet | undefined;
/** Who waits for a rebalance. When both did, none would come: the second starts anew. */
const waiting = new Set<FleetInstance>();
afterEach(async () => {
  await fleet?.close();
  fleet = undefined;
  waiting.clear();
});

const shuffled = <T>(random: Random, items: readonly T[]): T[] =>
  items
    .map((item) => ({ item, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);

/** The points at which each of the two is to die, in this order. */
function dealt(seed: number): [Point[], Point[]] {
  const random = seededRandom(seed * 7);
  if (!isLong) {
    const points = shuffled(random, POINTS);
    return [points.filter((_, at) => at % 2 === 0), points.filter((_, at) => at % 2 === 1)];
  }
  const all = () => Array.from({ length: ROUNDS }, () => shuffled(random, POINTS)).flat();
  return [all(), all()];
}

/** One life after the other, each ended at another point. Neither waits for the other: some deaths meet a rebalance that the last has begun. */
async function dieAtEach(meter: FleetInstance, points: readonly Point[], random: Random): Promise<void> {
  for (const point of points) {
    const isRare = BESIDES.includes(point.moment);
    if (WITH_A_REBALANCE.includes(point.moment)) {
      if (waiting.size > 0) await startAnew(meter);
      waiting.add(meter);
    }
    await meter.killAt({ ...point, skip: isRare ? 0 : Math.floor(random() * 3) });
    waiting.delete(meter);
    meter.start();
    await meter.ready();
  }
  if (waiting.size > 0) await startAnew(meter);
}

async function startAnew(meter: FleetInstance): Promise<void> {
  await meter.kill();
  meter.start();
}

/** Some way back, but never before the beginning: what an operator's slip, or a former owner's late commit, does. */
async function rewind(random: Random): Promise<number> {
  let moved = 0;
  for (const topic of [RECEIVED, INBOUND]) {
    const committed = await fleet!.committedOffsets('dedup-meter', topic);
    const back = new Map(
      [...committed].map(([partition, offset]) => [
        partition,
        Math.max(0, offset - Math.ceil(random() * 400)),
      ]),
    );
    await fleet!.setOffsets('dedup-meter', topic, back);
    moved += [...back].filter(([partition, offset]) => offset < committed.get(partition)!).length;
  }
  return moved;
}

describe('crash-anywhere-meters-once', () => {
  it.each(seeds)('at each point, by two instances, under load from all doors (seed %i)', async (seed) => {
    const random = seededRandom(seed);
    fleet = await Fleet.open({
      services: { ingest: 1, 'dedup-meter': 2, timeline: 1 },
      behindProxies: ['dedup-meter'],
      env: { TICK_MS: '500', ANSWER_DEADLINE_MS: '300' },
      seed,
    });
    const load = await Load.start(fleet, {
      organization: await fleet.organization(),
      seed,
      paceMs: isLong ? 250 : 80,
    });
    const meters = fleet.of('dedup-meter');
    const points = dealt(seed);
    await Promise.all(
      meters.map((meter, at) => dieAtEach(meter, points[at]!, seededRandom(seed * 7 + 1 + at))),
    );

    // Nobody dies this time: the commit stands, and its owner has to find that out.
    const lost = meters[0]!.strike({ moment: 'commit', when: 'after' });
    await eventually(() => lost.hasStruck(), { withinMs: 90_000 });

    await Promise.all(meters.map((meter) => meter.kill()));
    expect(await rewind(random)).toBeGreaterThan(0);
    for (const meter of meters) meter.start();
    await fleet.ready();

    const found = await assertExact(fleet, await load.stop());
    expect(load.surprises).toEqual([]);
    const strikes = meters
      .flatMap(({ proxies }) => Object.values(proxies))
      .map(({ counts }) => counts.strikes);
    expect(strikes.reduce((sum, count) => sum + count, 0)).toBe(DEATHS + 1);
    // Batches were repeated from the journal, resends and duplicates were among what was sent.
    expect(Math.min(found.doubles, found.replays, found.duplicates)).toBeGreaterThan(0);
  });
});
