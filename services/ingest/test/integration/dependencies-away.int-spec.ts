import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FaultProxy, eventually, seededRandom, uniqueName, type Call } from '@trackline/testkit';
import { startHarness, type Harness, type Organization } from './harness.ts';
import { SwitchableNetwork } from './switchable-network.ts';

let door: Harness;
let org: Organization;
let contactId: string;
beforeAll(async () => {
  door = await startHarness({ ANSWER_DEADLINE_MS: '1000' });
  org = await door.organization({ plan: 'custom', monthlyLimit: 1_000_000, requestsPerMinute: 60_000 });
  contactId = (await org.post('/v1/contacts', { externalId: 'someone' })).json.id;
}, 60_000);
afterAll(() => door?.stop(), 60_000);
beforeEach(() => {
  door.backstage.decide = () => 'by the rules';
});

const track = (call: Call, body: object, headers: Record<string, string> = {}) =>
  call('POST', '/v1/events', { key: org.key, body: { contactId, ...body }, headers });

const proxyOf = async (url: string): Promise<{ proxy: FaultProxy; through: string }> => {
  const target = new URL(url);
  const proxy = new FaultProxy({ host: target.hostname, port: Number(target.port) }, seededRandom(7));
  target.port = String(await proxy.listen());
  target.hostname = '127.0.0.1';
  return { proxy, through: target.toString() };
};

jest.setTimeout(30_000);

/** One outage, looked at from its beginning to its end: each test goes on where the one before it stopped. */
describe('while the broker is away', () => {
  const network = new SwitchableNetwork();
  const key = uniqueName('key');
  const name = uniqueName('resent');
  let call: Call;
  beforeAll(async () => {
    const kafka = network.connectTo(door.kafka, door.config.topicPrefix);
    ({ call } = await door.another({ PUBLISH_TIMEOUT_MS: '600', MAX_QUEUED_EVENTS: '1000' }, kafka));
    network.cut();
  });

  it('no event is answered with 2xx: it is 503 with Retry-After, and says what is not known', async () => {
    const [answer, unique, keyed, batch] = await Promise.all([
      track(call, { name: 'lost' }),
      track(call, { name: 'lost', uniqueId: 'u' }),
      track(call, { name }, { 'idempotency-key': key }),
      call('POST', '/v1/events/batch', { key: org.key, body: { events: [{ name: 'lost', contactId }] } }),
    ]);
    for (const { status, json, headers } of [answer, unique, keyed, batch]) {
      expect([status, json]).toMatchObject([503, { success: false, code: 'UNAVAILABLE' }]);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect(json.error).toMatch(/may or may not/);
    }
    expect(answer.json.error).toMatch(/may count twice/);
    expect(unique.json.error).toMatch(/it counts once/);
    expect(keyed.json.error).toMatch(/it counts once/);
  });

  it('callers are turned away at once when too many wait, and told that nothing was recorded', async () => {
    const events = Array.from({ length: 600 }, () => ({ name: 'queued', contactId }));
    const send = () => call('POST', '/v1/events/batch', { key: org.key, body: { events } });
    // Of a queue of 1,000.
    const answers = await Promise.all([send(), send()]);
    expect(answers.map(({ status }) => status)).toEqual([503, 503]);
    const turnedAway = answers.find(({ json }) => /Nothing was recorded/.test(json.error));
    expect(turnedAway?.headers.get('retry-after')).toBe('1');
  });

  it('it says that it is not ready, and is alive', async () => {
    const ready = () => call('GET', '/health/ready');
    await eventually(async () => (await ready()).json.parts?.kafka === 'not_ready', { withinMs: 20_000 });
    expect((await call('GET', '/health/live')).status).toBe(200);
  });

  it('a key is not held by its 503: sent again, the event counts once', async () => {
    network.mend();
    const resent = await eventually(
      async () => {
        const answer = await track(call, { name }, { 'idempotency-key': key });
        // 202 when the broker was back before the way of the outcomes was.
        if (answer.status >= 300) throw new Error(answer.text);
        return answer;
      },
      { withinMs: 20_000 },
    );
    expect(resent.headers.get('idempotent-replayed')).toBeNull();
    await eventually(() => door.backstage.of(name).length > 0);
    const ids = new Set(door.backstage.of(name).map(({ eventId }) => eventId));
    expect([...ids]).toEqual([resent.json.eventId]);
  });

  it('it is ready again, and answers', async () => {
    await eventually(async () => (await call('GET', '/health/ready')).status === 200, { withinMs: 20_000 });
    await eventually(async () => (await track(call, { name: 'back' })).status === 200, { withinMs: 20_000 });
  });
});

describe('while the directory is away', () => {
  it('every route is 503 with Retry-After, and it is well again afterwards', async () => {
    const { proxy, through } = await proxyOf(door.config.databaseUrl);
    const { call } = await door.another({ DATABASE_URL: through });
    expect((await track(call, { name: 'before' })).status).toBe(200);
    proxy.set({ away: true });
    const asked = [
      track(call, { name: 'x' }),
      call('GET', `/v1/contacts/${contactId}`, { key: org.key }),
      call('POST', '/v1/contacts', { key: org.key, body: { externalId: 'y' } }),
      call('GET', '/v1/admin/organizations', { key: door.config.adminToken }),
    ];
    for (const answer of await Promise.all(asked)) {
      expect([answer.status, answer.json]).toMatchObject([503, { success: false, code: 'UNAVAILABLE' }]);
      expect(answer.headers.get('retry-after')).toBe('1');
    }
    expect((await call('GET', '/health/ready')).json.parts).toEqual({
      postgres: 'not_ready',
      kafka: 'ready',
    });
    proxy.set({ away: false });
    await eventually(async () => (await track(call, { name: 'after' })).status === 200);
    await proxy.close();
  });
});

describe('while Redis is away', () => {
  let proxy: FaultProxy;
  let call: Call;
  beforeAll(async () => {
    const proxied = await proxyOf(door.config.redisUrl);
    proxy = proxied.proxy;
    ({ call } = await door.another({ REDIS_URL: proxied.through }));
  }, 30_000);
  afterEach(async () => {
    proxy.set({});
    await eventually(async () => (await track(call, { name: 'back' })).headers.has('ratelimit-limit'));
  }, 30_000);
  afterAll(() => proxy?.close());

  it('events are taken, without a rate, and that is counted', async () => {
    expect((await track(call, { name: 'x' })).headers.has('ratelimit-limit')).toBe(true);
    proxy.set({ away: true });
    for (let times = 0; times < 5; times += 1) {
      const answer = await track(call, { name: 'x' });
      expect([answer.status, answer.headers.has('ratelimit-limit')]).toEqual([200, false]);
    }
    const metrics = (await call('GET', '/metrics')).text;
    expect(metrics).toMatch(/trackline_redis_bypassed_total\{use="request_rate"[^}]*\} [5-9]/);
  });

  it('a retry under a key has no second effect all the same', async () => {
    proxy.set({ away: true });
    const key = uniqueName('key');
    const name = uniqueName('kept');
    const first = await track(call, { name }, { 'idempotency-key': key });
    const retry = await track(call, { name }, { 'idempotency-key': key });
    expect([first.status, retry.status, retry.json]).toEqual([200, 200, first.json]);
    // Both went out, under one id: what comes after the door tells them for the same event.
    expect(new Set(door.backstage.of(name).map(({ eventId }) => eventId)).size).toBe(1);
  });

  it('that hangs costs one caller a quarter of a second, not every caller', async () => {
    proxy.set({ delayReplyRatio: 1, delayMs: 5_000 });
    await track(call, { name: 'first to notice' });
    const startedAt = Date.now();
    const answers = await Promise.all(Array.from({ length: 20 }, () => track(call, { name: 'x' })));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    // A quarter of a second each, one after another, would be five.
    expect(Date.now() - startedAt).toBeLessThan(3_000);
    proxy.cutAll();
  });
});

describe('when it is stopped', () => {
  it('answers what is under way, and leaves the partition of outcomes to others', async () => {
    door.backstage.decide = (event) => (event.name === 'slow' ? undefined : 'by the rules');
    const { app, call } = await door.another();
    const slow = track(call, { name: 'slow' });
    await eventually(() => door.backstage.of('slow').length > 0);
    await app.close();
    expect((await slow).status).toBe(202);
  });
});
