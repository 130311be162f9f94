import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { JudgedEvent } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import { dependenciesFromEnv } from '@trackline/testkit';
import { Redis } from 'ioredis';
import { monthKey } from '../../src/adapters/redis/keys.ts';
import { connectRedis, refuseEviction, type RedisClient } from '../../src/adapters/redis/redis-client.ts';
import { RedisJudge } from '../../src/adapters/redis/redis-judge.ts';
import type { Candidate } from '../../src/domain/candidate.ts';
import type { Answer, Question, Token } from '../../src/ports.ts';

jest.setTimeout(30_000);

let client: RedisClient;
let redis: Redis;
let judge: RedisJudge;
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

beforeAll(async () => {
  const { redisUrl } = dependenciesFromEnv();
  client = await connectRedis({ url: redisUrl, log });
  judge = new RedisJudge(client, { hotWindowMs: 48 * 3_600_000 });
  redis = new Redis(redisUrl);
});

afterAll(async () => {
  await client?.close();
  redis?.disconnect();
});

const MONTH = '2026-11';
const EPOCH = 3;

let nextAttempt = 0;
const token = (more: Partial<Token> = {}): Token => ({
  epoch: EPOCH,
  sourceId: 1,
  term: 1,
  attempt: (nextAttempt += 1),
  ...more,
});

/** An organisation whose month has been seeded, and a way to ask about its events. */
async function customer(used: ReadonlyMap<number, number> = new Map()) {
  const organizationId = uuidv7();
  await judge.seed([{ organizationId, month: MONTH, used }], EPOCH);
  let offset = 0;
  const event = (unique?: string, eventId = uuidv7()): Candidate => {
    const at = offset++;
    return {
      offset: at,
      event: {
        eventId,
        organizationId,
        contactId: uuidv7(),
        position: { source: 'received.1.0', offset: at },
      } as JudgedEvent,
      ...(unique === undefined ? undefined : { unique }),
    };
  };
  const ask = async (
    candidates: Candidate[],
    question: Partial<Question> = {},
    as = token(),
  ): Promise<Answer> => {
    const [answer] = await judge.judge(
      [
        {
          organizationId,
          month: MONTH,
          candidates,
          hardCap: null,
          planVersion: 1,
          committedShare: 0,
          ...question,
        },
      ],
      as,
    );
    return answer!;
  };
  const state = () => redis.hgetall(monthKey(organizationId, MONTH));
  return { organizationId, event, ask, state };
}

const kinds = (answer: Answer) =>
  answer.kind === 'judged'
    ? answer.verdicts.map(({ kind, monthUsed }) => `${kind} ${monthUsed}`)
    : answer.kind;

describe('the judge', () => {
  it('admits below the cap, counts up, and refuses from the cap on', async () => {
    const { event, ask } = await customer(new Map([[9, 3]]));
    expect(kinds(await ask([event(), event(), event()], { hardCap: 5 }))).toEqual([
      'admitted 4',
      'admitted 5',
      'over_limit 5',
    ]);
  });

  it('takes the share of a source for what was committed and is being judged, whatever an earlier call had left', async () => {
    const { event, ask, state } = await customer();
    await ask([event(), event(), event()]);
    // Its owner died before the commit: the same batch comes again, and its share is what it was.
    expect(kinds(await ask([event(), event()], { committedShare: 0 }, token({ term: 2 })))).toEqual([
      'admitted 1',
      'admitted 2',
    ]);
    expect(kinds(await ask([event()], { committedShare: 2 }, token({ term: 2 })))).toEqual(['admitted 3']);
    expect(kinds(await ask([event()], {}, token({ sourceId: 2 })))).toEqual(['admitted 4']);
    expect(await state()).toMatchObject({ total: '4', 's:1': '3', 's:2': '1' });
  });

  it('sees repeats in one call: of what was admitted, not of what was refused', async () => {
    const { event, ask } = await customer();
    const id = uuidv7();
    const unique = uuidv7();
    const first = event(unique);
    const again = event(undefined, id);
    const answer = await ask([first, event(unique), again, event(undefined, id), event(unique, id)]);
    expect(answer).toEqual({
      kind: 'judged',
      verdicts: [
        { kind: 'admitted', monthUsed: 1 },
        { kind: 'duplicate', of: first.event.eventId, monthUsed: 1 },
        { kind: 'admitted', monthUsed: 2 },
        { kind: 'replay', first: again.event.position, contactId: again.event.contactId, monthUsed: 2 },
        { kind: 'replay', first: again.event.position, contactId: again.event.contactId, monthUsed: 2 },
      ],
    });
    const refused = uuidv7();
    expect(kinds(await ask([event(refused), event(refused)], { hardCap: 2, committedShare: 2 }))).toEqual([
      'over_limit 2',
      'over_limit 2',
    ]);
  });

  it('knows what it is told, and nothing of what it judged itself', async () => {
    const { organizationId, event, ask } = await customer();
    const unique = uuidv7();
    const candidate = event(unique);
    await ask([candidate]);
    expect(kinds(await ask([candidate]))).toEqual(['admitted 1']);
    const { eventId, contactId } = candidate.event;
    const first = { source: 'inbound.12.345', offset: 9_007_199_254_740_991 };
    await judge.remember({
      events: [{ organizationId, eventId, contactId, first }],
      uniques: [{ organizationId, identity: unique, eventId, expiresAtMs: Infinity }],
    });
    expect(await ask([candidate, event(unique)])).toEqual({
      kind: 'judged',
      verdicts: [
        { kind: 'replay', first, contactId, monthUsed: 0 },
        { kind: 'duplicate', of: eventId, monthUsed: 0 },
      ],
    });
  });

  it('keeps client-named ids for the hot window, ids of the door for minutes, expiring unique ids for no longer than they hold', async () => {
    const { organizationId, event } = await customer();
    const contactId = uuidv7();
    const known = (eventId: string) => ({
      organizationId,
      eventId,
      contactId,
      first: event().event.position,
    });
    const id = uuidv7();
    const named = `${id.slice(0, 14)}8${id.slice(15)}`;
    await judge.remember({
      events: [known(named), known(uuidv7())],
      uniques: [
        { organizationId, identity: uuidv7(), eventId: named, expiresAtMs: Date.now() + 3_600_000 },
        { organizationId, identity: uuidv7(), eventId: named, expiresAtMs: Date.now() - 1 },
      ],
    });
    const keys = (await redis.keys(`tl:{${organizationId}}:*`)).filter((key) => !key.includes(':m:'));
    const ttls = await Promise.all(keys.map((key) => redis.ttl(key)));
    expect(ttls.sort((a, b) => a - b).map((ttl) => Math.round(ttl / 60))).toEqual([1, 10, 60, 2_880]);
  });

  it.each([
    ['an older term', { term: 4, attempt: 99 }, 'fenced'],
    ['an older attempt', { term: 5, attempt: 6 }, 'fenced'],
    ['the same attempt', { term: 5, attempt: 7 }, 'fenced'],
    ['a newer attempt', { term: 5, attempt: 8 }, 'judged'],
    ['a newer term', { term: 6, attempt: 1 }, 'judged'],
    ['an older epoch', { term: 6, attempt: 1, epoch: EPOCH - 1 }, 'behind'],
    ['a newer epoch', { term: 6, attempt: 1, epoch: EPOCH + 1 }, 'unseeded'],
    ['another source with a lower token', { sourceId: 8, term: 1, attempt: 1 }, 'judged'],
  ] as const)('answers a token of %s as it must', async (_, more, kind) => {
    const { event, ask, state } = await customer();
    await ask([event()], {}, token({ term: 5, attempt: 7 }));
    const before = await state();
    expect((await ask([event()], {}, token(more))).kind).toBe(kind);
    if (kind !== 'judged') expect(await state()).toEqual(before);
  });

  it('refuses a plan that is older than one it has seen, and changes nothing', async () => {
    const { event, ask, state } = await customer();
    await ask([event()], { planVersion: 7 });
    const before = await state();
    expect((await ask([event()], { planVersion: 6 })).kind).toBe('stale_plan');
    expect(await state()).toEqual(before);
    expect((await ask([event()], { planVersion: 7 })).kind).toBe('judged');
  });

  it('notices that it is not the Redis that was seeded', async () => {
    const { organizationId, event, ask } = await customer();
    await redis.hset(monthKey(organizationId, MONTH), 'replid', '0'.repeat(40));
    expect((await ask([event()])).kind).toBe('lost');
    await redis.del(monthKey(organizationId, MONTH));
    expect((await ask([event()])).kind).toBe('unseeded');
  });

  it('is seeded once an epoch: who comes late undoes nothing', async () => {
    const { organizationId, event, ask, state } = await customer(new Map([[1, 10]]));
    await ask([event()], { committedShare: 10 });
    await judge.seed([{ organizationId, month: MONTH, used: new Map([[1, 10]]) }], EPOCH);
    await judge.seed([{ organizationId, month: MONTH, used: new Map() }], EPOCH - 1);
    expect(await state()).toMatchObject({ total: '11', epoch: String(EPOCH) });
    const used = new Map([
      [1, 11],
      [4, 5],
    ]);
    await judge.seed([{ organizationId, month: MONTH, used }], EPOCH + 1);
    expect(await state()).toEqual({
      epoch: String(EPOCH + 1),
      replid: expect.any(String),
      total: '16',
      's:1': '11',
      's:4': '5',
    });
  });

  it('judges a thousand events with a thousand unique ids in one call, and works when its scripts are gone', async () => {
    const { organizationId, event, ask } = await customer();
    const candidates = Array.from({ length: 1_000 }, () => event(uuidv7()));
    await redis.script('FLUSH');
    const answer = await ask(candidates);
    expect(new Set(kinds(answer)).size).toBe(1_000);
    await redis.script('FLUSH');
    await judge.remember({
      events: candidates.map(({ event: { eventId, contactId, position } }) => ({
        organizationId,
        eventId,
        contactId,
        first: position,
      })),
      uniques: candidates.map(({ unique, event: { eventId } }) => ({
        organizationId,
        identity: unique!,
        eventId,
        expiresAtMs: Infinity,
      })),
    });
    expect(new Set(kinds(await ask(candidates)))).toEqual(new Set(['replay 0']));
  });
});

describe('Redis', () => {
  const reporting = (policy: string): RedisClient => ({
    sendAll: async () => [],
    isReady: () => true,
    memoryReports: async () => [`used_memory:1\r\nmaxmemory_policy:${policy}\r\n`],
    close: async () => undefined,
  });

  it('is refused when it would drop keys', async () => {
    await expect(refuseEviction(reporting('allkeys-lru'))).rejects.toThrow('"allkeys-lru"');
    await refuseEviction(reporting('noeviction'));
    await refuseEviction(client);
  });

  it('that is not there is said so, in time', async () => {
    const away = connectRedis({ url: 'redis://127.0.0.1:1', startTimeoutMs: 150, log });
    await expect(away).rejects.toThrow('Redis could not be reached within 150 ms');
  });
});
