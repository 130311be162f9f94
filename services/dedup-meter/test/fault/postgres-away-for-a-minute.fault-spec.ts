import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { assertExact, eventually, faultSeeds, Fleet, Load, seededRandom } from '@trackline/testkit';
import { Customer, type TrackAnswer } from './customer.ts';

const { seeds, isLong } = faultSeeds([1]);
/** A minute is for the soak. */
const AWAY_MS = isLong ? 60_000 : 8_000;
jest.setTimeout(300_000);

let fleet: Fleet | undefined;
afterEach(async () => {
  await fleet?.close();
  fleet = undefined;
});

async function committed(): Promise<number> {
  const { rows } = await fleet!.database.query<{ done: string }>(
    'SELECT sum(done) AS done FROM dedup_meter.source',
  );
  return Number(rows[0]!.done);
}

describe('postgres-away-for-a-minute', () => {
  it.each(seeds)('HTTP says so, Kafka waits, and nothing is missing afterwards (seed %i)', async (seed) => {
    fleet = await Fleet.open({
      services: { ingest: 1, 'dedup-meter': 2, trigger: 1, timeline: 1 },
      env: { TICK_MS: '500' },
      seed,
    });
    const { postgresDoor } = fleet;
    const customer = await Customer.make(fleet, seededRandom(seed));
    const load = await Load.start(fleet, { organization: await fleet.organization(), seed });
    await eventually(() => load.sent.length > 100, { withinMs: 60_000 });

    const awayAtMs = Date.now();
    // It goes as a server goes that is cut off: first nothing passes any more, then connections break.
    postgresDoor.set(seed % 2 === 0 ? { hang: true } : { away: true });
    const connections = postgresDoor.counts.connections;
    const doneThen = await committed();
    const published = Array.from({ length: 30 }, () => customer.event('published meanwhile'));
    await customer.publish(published);
    const answers: TrackAnswer[] = [];
    const retry = customer.event('called meanwhile');
    while (Date.now() - awayAtMs < AWAY_MS / 2) answers.push(await customer.call(retry));
    postgresDoor.set({ away: true });
    await eventually(() => Date.now() - awayAtMs >= AWAY_MS, { withinMs: 2 * AWAY_MS });
    // Commits that were on their way when it went may have arrived.
    const doneMeanwhile = await committed();
    answers.push(await customer.call(retry));
    const doneStill = await committed();
    expect(doneStill).toBe(doneMeanwhile);
    expect(await customer.totalUsed()).toBe(0);
    for (const { status, headers, json } of answers) {
      expect([202, 503]).toContain(status);
      if (status === 202) expect(json).toMatchObject({ status: 'accepted' });
      else
        expect([json.code, headers.get('retry-after')]).toEqual([
          'UNAVAILABLE',
          expect.stringMatching(/^\d+$/),
        ]);
    }
    expect(answers.some(({ status }) => status === 503)).toBe(true);

    postgresDoor.set({});
    const { status, json } = await eventually(
      async () => {
        const answer = await customer.call(retry);
        return [200, 202].includes(answer.status) && answer;
      },
      { withinMs: 60_000, everyMs: 250 },
    );
    expect(json).toMatchObject({ success: true, eventId: customer.eventId(retry, 'http') });
    expect([200, 202]).toContain(status);
    const found = await assertExact(fleet, [...(await load.stop()), ...customer.sent]);
    expect(await customer.totalUsed()).toBe(published.length + 1);
    expect(load.surprises).toEqual([]);
    expect(load.retries).toBeGreaterThan(0);
    expect(found.received).toBeGreaterThan(0);
    // All of them broke and were made anew.
    expect(postgresDoor.counts.connections).toBeGreaterThan(connections);
    expect(await committed()).toBeGreaterThan(doneThen);
  });
});
