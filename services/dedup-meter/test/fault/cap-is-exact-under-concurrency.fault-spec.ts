import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { monthEnd, monthOf } from '@trackline/contracts';
import { assertExact, eventually, faultSeeds, Fleet, httpClient, seededRandom } from '@trackline/testkit';
import { Customer, type Track, type TrackAnswer } from './customer.ts';

const { seeds } = faultSeeds([1]);
jest.setTimeout(480_000);

const PLAN = { plan: 'starter' };
const LIMIT = 50_000;
const CAP = 62_500;
const AT_ONCE = 1_000;
/** Below the plan's burst: a request that the rate refuses never comes to the meter. */
const BY_HTTP = 450;
const PUBLISHED_AT_ONCE = 5_000;

let fleet: Fleet | undefined;
afterEach(async () => {
  await fleet?.close();
  fleet = undefined;
});

/** All at once: HTTP calls over all instances, and messages in small requests between them. */
async function race(
  customer: Customer,
  calls: readonly Track[],
  messages: readonly Track[],
): Promise<Called[]> {
  const published: Promise<void>[] = [];
  for (let from = 0; from < messages.length; from += 50)
    published.push(customer.publish(messages.slice(from, from + 50)));
  const called = await Promise.all(
    calls.map(async (track) => ({ track, answer: await customer.call(track) })),
  );
  await Promise.all(published);
  return called;
}

/** Whoever was let in. */
interface Winner {
  readonly eventId: string;
  readonly uniqueId?: string | undefined;
}

/**
 * What a caller may hear: 200 and 409 name the one that got in; 429 says why nothing did; 202 promises no more than that it is written down
 * and will be judged, so it names the caller's own event, whatever becomes of that.
 */
function expectHonest(
  customer: Customer,
  { track, answer }: Called,
  winner: Winner,
  { used, limit }: { readonly used: number; readonly limit: number },
): void {
  const { status, json } = answer;
  const own = customer.eventId(track, 'http');
  if (status === 200) expect([json.eventId, own]).toEqual([winner.eventId, winner.eventId]);
  else if (status === 202) expect(json).toMatchObject({ status: 'accepted', eventId: own });
  else if (status === 409)
    expect([json.code, json.eventId, track.body.uniqueId]).toEqual([
      'DUPLICATE_EVENT',
      winner.eventId,
      winner.uniqueId,
    ]);
  else expectRefusal(answer, used, limit);
}

interface Called {
  readonly track: Track;
  readonly answer: TrackAnswer;
}

/** What the caller may do about it, to the second. */
function expectRefusal({ status, headers, json }: TrackAnswer, used: number, limit: number): void {
  const resetsAtMs = monthEnd(monthOf(Date.now()));
  const hardCap = Math.floor(limit * 1.25);
  expect({ status, ...json }).toMatchObject({
    status: 429,
    success: false,
    error: 'event_limit_exceeded',
    code: 'EVENT_LIMIT_EXCEEDED',
    message: expect.any(String),
    upgradeUrl: expect.stringMatching(/^https:/),
    resetsAt: new Date(resetsAtMs).toISOString(),
    ...{ current: used, limit, hardCap, requested: 1 },
  });
  expect(Object.fromEntries(headers)).toMatchObject({
    'x-event-exceeded': 'true',
    'x-event-limit': String(limit),
    'x-event-current': String(used),
    'x-event-remaining': '0',
  });
  expect(Number(headers.get('x-event-percent'))).toBe(json.percentUsed);
  const secondsLeft = (resetsAtMs - Date.now()) / 1_000;
  expect(Number(headers.get('retry-after')) - secondsLeft).toBeLessThan(120);
  expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(Math.floor(secondsLeft));
}

/** Really sent, through the broker and the judge. */
async function useUp(customer: Customer, count: number): Promise<void> {
  for (let left = count; left > 0; left -= PUBLISHED_AT_ONCE) {
    const events = Array.from({ length: Math.min(left, PUBLISHED_AT_ONCE) }, () => customer.event('used'));
    await customer.publish(events);
  }
  await eventually(async () => (await customer.totalUsed()) === count, { withinMs: 90_000, everyMs: 100 });
}

/** 250 unique ids, each by both doors and twice, and every tenth call is made twice under its key. */
function uniqueTracks(customer: Customer): { calls: Track[]; messages: Track[] } {
  const of = (at: number) => customer.event('unique', { uniqueId: `u${at % (AT_ONCE / 4)}` });
  const once = Array.from({ length: AT_ONCE / 2 }, (_, at) => of(at));
  return {
    calls: [...once, ...once.filter((_, at) => at % 10 === 0)],
    messages: Array.from({ length: AT_ONCE / 2 }, (_, at) => of(at)),
  };
}

/** As the ledger has it. */
async function winnerOf(
  customer: Customer,
  calls: readonly Track[],
  messages: readonly Track[],
): Promise<Winner> {
  const { rows } = await fleet!.database.query<{ id: string }>(
    'SELECT event_id AS id FROM dedup_meter.unique_identity',
  );
  expect(rows).toHaveLength(1);
  const eventId = rows[0]!.id;
  const track =
    calls.find((one) => customer.eventId(one, 'http') === eventId) ??
    messages.find((one) => customer.eventId(one, 'kafka') === eventId);
  expect(track).toBeDefined();
  return { eventId, uniqueId: track!.body.uniqueId };
}

describe('cap-is-exact-under-concurrency', () => {
  it.each(seeds)('one short of it, a thousand at once let one in (seed %i)', async (seed) => {
    fleet = await Fleet.open({
      services: { ingest: 4, 'dedup-meter': 2, trigger: 1, timeline: 1 },
      // So that nearly every caller hears a verdict, however busy the machine.
      env: { TICK_MS: '500', ANSWER_DEADLINE_MS: '30000' },
      seed,
    });
    const customer = await Customer.make(fleet, seededRandom(seed), PLAN);
    await useUp(customer, CAP - 1);

    const plain = (count: number) => Array.from({ length: count }, () => customer.event('raced'));
    const raced = await race(customer, plain(BY_HTTP), plain(AT_ONCE - BY_HTTP));
    await eventually(async () => (await customer.totalUsed()) >= CAP, { withinMs: 30_000 });
    const found = await assertExact(fleet, customer.sent, {
      hardCaps: new Map([[customer.id, CAP]]),
    });
    expect(found).toMatchObject({ admitted: CAP, overLimit: AT_ONCE - 1 });
    const [won, ...others] = raced.filter(({ answer }) => answer.status === 200);
    expect(others).toEqual([]);
    if (won) expect(won.answer.headers.get('x-event-current')).toBe(String(CAP));
    for (const called of raced)
      expectHonest(
        customer,
        called,
        { eventId: won?.answer.json.eventId as string },
        { used: CAP, limit: LIMIT },
      );

    // Room for one more, by a larger plan: raced for under unique ids, by retries too.
    await customer.changePlan({ plan: 'custom', monthlyLimit: LIMIT + 1 });
    const { calls, messages } = uniqueTracks(customer);
    const unique = await race(customer, calls, messages);
    await eventually(async () => (await customer.totalUsed()) === CAP + 1, { withinMs: 30_000 });
    const winner = await winnerOf(customer, calls, messages);
    const retried = await race(customer, calls, []);
    for (const called of [...unique, ...retried])
      expectHonest(customer, called, winner, { used: CAP + 1, limit: LIMIT + 1 });
    // Whoever used the one that got in hears of it, all others that the plan is used up; who hears no verdict knows nothing yet.
    const told = retried.filter(({ answer }) => answer.status !== 202);
    for (const { track, answer } of told)
      expect(answer.status === 429).toBe(track.body.uniqueId !== winner.uniqueId);
    expect(told.some(({ answer }) => answer.status === 429)).toBe(true);

    await customer.changePlan(PLAN);
    expectRefusal(await customer.call(customer.event('late')), CAP + 1, LIMIT);
    const after = await assertExact(fleet, customer.sent, {
      hardCaps: new Map([[customer.id, CAP + 1]]),
    });
    expect(after.admitted).toBe(CAP + 1);
    const meter = httpClient(fleet.instance('dedup-meter-2').url, { key: customer.organization.key });
    const { json } = await meter('GET', '/v1/usage');
    expect(json).toMatchObject({
      used: CAP + 1,
      limit: LIMIT,
      hardCap: CAP,
      remaining: 0,
      zone: 'exhausted',
    });
  });
});
