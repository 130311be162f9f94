import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { faultSeeds, Fleet, seededRandom } from '@trackline/testkit';
import { RacedWaits, type Race } from './raced-waits.ts';

const { seeds, isLong } = faultSeeds([11]);
/** 10,000 waits in the long form, 1,500 in the short one; more when a slow machine has had too few kills by then. */
const WAVE = 500;
const WAVES = isLong ? 20 : 3;
const MOST_WAVES = 2 * WAVES + 6;
const WANTED_KILLS = isLong ? 10 : 3;
/** Deadlines that come in a second. */
const PER_SECOND = 125;
/** From the making of a wave to its first deadline: on a quiet machine all of it waits by then. No wait ends before that is told, so one that is late is no worse. */
const LEAD_MS = 2_000;
const AROUND_MS = 5;
const BETWEEN_KILLS_MS = 3_000;

describe('a wait ends once', () => {
  let fleet: Fleet;
  afterEach(async () => fleet?.close(), 60_000);

  it.each(seeds)(
    'by its event or its timeout, whichever was first, while instances are killed (seed %i)',
    async (seed) => {
      const random = seededRandom(seed);
      fleet = await Fleet.open({ services: { trigger: 3 }, seed });
      const waits = await RacedWaits.open(fleet);
      try {
        const killing = killNowAndThen(fleet, random);
        const all: Race[] = [];
        for (let wave = 0; wave < WAVES || (killing.kills() < WANTED_KILLS && wave < MOST_WAVES); wave++) {
          const firstMs = Date.now() + LEAD_MS;
          const races = await waits.races(WAVE, (index) => {
            const deadlineMs = firstMs + Math.floor((index * 1_000) / PER_SECOND);
            const offMs = Math.floor(random() * (2 * AROUND_MS + 1)) - AROUND_MS;
            return { deadlineMs, crossedMs: deadlineMs + offMs };
          });
          await waits.begin(races);
          await waits.run(races);
          all.push(...races);
        }
        await killing.stop();
        await waits.allEnded(120_000);
        await waits.assertEndedAsReceived(all);
        expect(killing.kills()).toBeGreaterThanOrEqual(WANTED_KILLS);
        fleet.assertNoneDied();
      } finally {
        await waits.close();
      }
    },
    isLong ? 900_000 : 400_000,
  );

  it('by its event that was received a moment before the deadline, although nobody was there to read it', async () => {
    fleet = await Fleet.open({ services: { trigger: 1 }, seed: 1 });
    const waits = await RacedWaits.open(fleet);
    try {
      // Nothing tells that it has come before the instance is dead.
      const deadlineMs = Date.now() + 4_000;
      const races = await waits.races(60, (index) => ({
        deadlineMs,
        crossedMs: index % 2 === 0 ? deadlineMs - 1 : deadlineMs,
      }));
      await waits.begin(races);
      await waits.allWaiting(races.length);
      await fleet.instance('trigger').kill();
      await waits.run(races);
      expect(Date.now()).toBeGreaterThan(deadlineMs);
      fleet.instance('trigger').start();
      await fleet.ready();
      await waits.allEnded(60_000);
      await waits.assertEndedAsReceived(races);
      fleet.assertNoneDied();
    } finally {
      await waits.close();
    }
  }, 200_000);
});

/** Kills one instance after the other with -9, every few seconds, and starts it again; one that is up is left. */
function killNowAndThen(fleet: Fleet, random: () => number) {
  const instances = fleet.of('trigger');
  const up = new Set(instances);
  const starting = new Set<Promise<void>>();
  let stopped = false;
  let kills = 0;
  const killOne = async (): Promise<void> => {
    if (up.size < 2) return;
    const victim = [...up][Math.floor(random() * up.size)]!;
    up.delete(victim);
    await victim.kill();
    kills += 1;
    victim.start();
    const ready = victim.ready().then(() => void up.add(victim));
    starting.add(ready);
  };
  const running = (async () => {
    while (!stopped) {
      await killOne();
      await sleep(BETWEEN_KILLS_MS);
    }
  })();
  return {
    kills: () => kills,
    /** Resolves when all instances are up. */
    stop: async (): Promise<void> => {
      stopped = true;
      await running;
      await Promise.all(starting);
    },
  };
}
