import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { monthEnd, monthOf } from '@trackline/contracts';
import {
  assertExact,
  eventually,
  faultSeeds,
  Fleet,
  httpClient,
  seededRandom,
  type Answer,
} from '@trackline/testkit';
import { Customer, type Track } from './customer.ts';

const { seeds } = faultSeeds([1]);
jest.setTimeout(240_000);

/** The starter plan. */
const [LIMIT, CAP] = [50_000, 62_500];
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
async function race(customer: Customer, calls: readonly Track[], messages: readonly Track[]) {
  const published: Promise<void>[] = [];
  for (let from = 0; from < messages.length; from += 50)
    published.push(customer.publish(messages.slice(from, from + 50)));
  const answers = await Promise.all(calls.map((track) => customer.call(track)));
  await Promise.all(published);
  return answers;
}

const statuses = (answers: readonly Answer<unknown>[]): Record<number, number> => {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

/** Of the one that got in: the call itself, a resend whose first is still on its way through the workflows, another with its unique id. */
const isTold = (status: number): boolean => [200, 202, 409].includes(status);

/** What the caller may do about it, to the second. */
function expectRefusal(
  { status, headers, json }: Answer<Record<string, unknown>>,
  used: number,
  limit: number,
) {
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

describe('cap-is-exact-under-concurrency', () => {
  it.each(seeds)('one short of it, a thousand at once let one in (seed %i)', async (seed) => {
    fleet = await Fleet.open({
      services: { ingest: 4, 'dedup-meter': 2, trigger: 1, timeline: 1 },
      // Every caller is to hear a verdict, however busy the machine.
      env: { TICK_MS: '500', ANSWER_DEADLINE_MS: '30000' },
      seed,
    });
    const customer = await Customer.make(fleet, seededRandom(seed), { plan: 'starter' });
    await useUp(customer, CAP - 1);

    const plain = (count: number) => Array.from({ length: count }, () => customer.event('raced'));
    const answers = await race(customer, plain(BY_HTTP), plain(AT_ONCE - BY_HTTP));
    await eventually(async () => (await customer.totalUsed()) >= CAP, { withinMs: 30_000 });
    const found = await assertExact(fleet, customer.sent, {
      hardCaps: new Map([[customer.id, CAP]]),
    });
    expect(found).toMatchObject({ admitted: CAP, overLimit: AT_ONCE - 1 });
    const won = answers.filter(({ status }) => status === 200);
    expect(won.length).toBeLessThanOrEqual(1);
    for (const { headers } of won) expect(headers.get('x-event-current')).toBe(String(CAP));
    for (const answer of answers) if (!won.includes(answer)) expectRefusal(answer, CAP, LIMIT);

    // Room for one more, by a larger plan: raced for under unique ids, by retries too.
    await customer.changePlan({ plan: 'custom', monthlyLimit: LIMIT + 1 });
    const { calls, messages } = uniqueTracks(customer);
    const unique = await race(customer, calls, messages);
    await eventually(async () => (await customer.totalUsed()) === CAP + 1, { withinMs: 30_000 });
    const retried = await Promise.all(calls.map((track) => customer.call(track)));
    // All of one unique id, and all name one event.
    const told = [...unique, ...retried].flatMap(({ status, json }, at) =>
      isTold(status)
        ? [{ eventId: json.eventId, uniqueId: calls[at % calls.length]!.body.uniqueId, status, at }]
        : [],
    );
    expect(
      told.filter(({ eventId, uniqueId }) => eventId !== told[0]?.eventId || uniqueId !== told[0]?.uniqueId),
    ).toEqual([]);
    for (const answer of [...unique, ...retried])
      if (!isTold(answer.status)) expectRefusal(answer, CAP + 1, LIMIT + 1);
    // Whoever used the one that got in hears of it, all others that the plan is used up.
    expect(statuses(retried)[429]).toBe(
      calls.filter(({ body }) => body.uniqueId !== uniqueOf(calls, retried)).length,
    );

    await customer.changePlan({ plan: 'starter' });
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

/** The unique id that was accepted, as a retry tells it. */
const uniqueOf = (calls: readonly Track[], answers: readonly Answer<unknown>[]): string | undefined =>
  calls[answers.findIndex(({ status }) => isTold(status))]?.body.uniqueId;
