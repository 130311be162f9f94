import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { assertExact, faultSeeds, Fleet, seededRandom } from '@trackline/testkit';
import { Customer, type TrackAnswer } from './customer.ts';

const { seeds } = faultSeeds([1]);
jest.setTimeout(300_000);

const OTHERS = 50;
/** What each of them sends, and may send: its cap is used up by it to the last event. */
const OF_EACH = 5;
const EVERY_MS = 1_000;
/** 5 a second; the noisy one sends 50, by so many connections. */
const NOISY = { plan: 'custom', monthlyLimit: 40, requestsPerMinute: 300 };
const CONNECTIONS = 25;
const NOISY_CAP = 50;
const TIMES = 10;

let fleet: Fleet | undefined;
afterEach(async () => {
  await fleet?.close();
  fleet = undefined;
});

const statusesOf = (answers: readonly TrackAnswer[]) =>
  answers.map(({ status, json }) =>
    status === 200 ? 'admitted' : `${status} ${String(json?.code ?? json?.status)}`,
  );

describe('noisy-neighbour', () => {
  it.each(seeds)('a flood is refused at the door, and nobody else feels it (seed %i)', async (seed) => {
    const random = seededRandom(seed);
    fleet = await Fleet.open({
      services: { ingest: 2, 'dedup-meter': 2, trigger: 1, timeline: 1 },
      // Longer than the default: what is told here is that nobody waits behind the flood, not how fast the machine is.
      env: { TICK_MS: '500', ANSWER_DEADLINE_MS: '20000' },
      seed,
    });
    const noisy = await Customer.make(fleet, random, NOISY, 4);
    const others: Customer[] = [];
    while (others.length < OTHERS)
      others.push(
        await Customer.make(fleet, random, { plan: 'custom', monthlyLimit: 4, requestsPerMinute: 200 }, 1),
      );

    let isOver = false;
    const flood: Promise<TrackAnswer>[] = [];
    const perConnection = ((NOISY.requestsPerMinute / 60) * TIMES) / CONNECTIONS;
    const flooding = Array.from({ length: CONNECTIONS }, async () => {
      while (!isOver) {
        const nextMs = Date.now() + 1_000 / perConnection;
        // Whoever floods does not wait for answers: it is as much on a slow machine.
        flood.push(noisy.call(noisy.event('noise')));
        await sleep(Math.max(0, nextMs - Date.now()));
      }
    });
    const calm = await Promise.all(
      others.map(async (other) => {
        const answers: TrackAnswer[] = [];
        await sleep(random() * EVERY_MS);
        for (let at = 0; at < OF_EACH; at++) {
          const nextMs = Date.now() + EVERY_MS;
          answers.push(await other.call(other.event('calm')));
          await sleep(Math.max(0, nextMs - Date.now()));
        }
        return answers;
      }),
    );
    isOver = true;
    await Promise.all(flooding);
    const noise = statusesOf(await Promise.all(flood));

    // Nobody else was refused, nor told to wait for a verdict.
    expect(new Set(calm.flatMap(statusesOf))).toEqual(new Set(['admitted']));
    const count = (what: string) => noise.filter((one) => one === what).length;
    // Otherwise there was no flood. How many are refused depends on the machine: where Redis answers too late, requests pass without a rate.
    expect(count('429 RATE_LIMITED')).toBeGreaterThan(NOISY_CAP);
    expect(count('admitted') + count('202 accepted')).toBeGreaterThanOrEqual(NOISY_CAP);
    expect(
      count('429 RATE_LIMITED') +
        count('429 EVENT_LIMIT_EXCEEDED') +
        count('admitted') +
        count('202 accepted'),
    ).toBe(noise.length);

    // And each cap is where it is: one more is refused, of everybody.
    const over = await Promise.all(others.map((other) => other.call(other.event('over'))));
    expect(new Set(statusesOf(over))).toEqual(new Set(['429 EVENT_LIMIT_EXCEEDED']));
    const caps = new Map([[noisy.id, NOISY_CAP], ...others.map(({ id }) => [id, OF_EACH] as const)]);
    const found = await assertExact(fleet, [...noisy.sent, ...others.flatMap(({ sent }) => sent)], {
      hardCaps: caps,
    });
    expect(found.admitted).toBe(NOISY_CAP + OTHERS * OF_EACH);
  });
});
