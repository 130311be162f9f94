import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Call } from '@trackline/testkit';
import { startHarness, type Harness, type Organization } from './harness.ts';

let door: Harness;
let elsewhere: Call;
beforeAll(async () => {
  door = await startHarness();
  ({ call: elsewhere } = await door.another());
}, 60_000);
afterAll(() => door?.stop(), 60_000);

const HEADERS = ['limit', 'remaining', 'reset', 'policy'].flatMap((name) => [
  `ratelimit-${name}`,
  `x-ratelimit-${name}`,
]);
const look = (org: Organization, call = door.call) => call('GET', '/v1/contacts', { key: org.key });

describe('the request rate', () => {
  it('is told on every answer, in both spellings', async () => {
    const org = await door.organization({ plan: 'starter' });
    const answer = await look(org);
    const told = Object.fromEntries(HEADERS.map((name) => [name, answer.headers.get(name)]));
    expect(told).toMatchObject({
      'ratelimit-limit': '2000',
      'ratelimit-remaining': '499',
      'ratelimit-reset': '1',
      'ratelimit-policy': '2000;w=60;burst=500',
    });
    for (const name of HEADERS) expect(answer.headers.get(`x-${name.replace('x-', '')}`)).toBe(told[name]);
  });

  it('counts every request, right or wrong, and tells it on wrong ones too', async () => {
    const org = await door.organization({ requestsPerMinute: 60 });
    expect((await look(org)).headers.get('ratelimit-remaining')).toBe('14');
    const wrong = await org.post('/v1/events', { name: 7 });
    expect([wrong.status, wrong.headers.get('ratelimit-remaining')]).toEqual([422, '13']);
  });

  it('is shared by all instances: of a burst just as many pass, and the rest hears when to come again', async () => {
    const org = await door.organization({ requestsPerMinute: 60 });
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, at) => look(org, at % 2 ? door.call : elsewhere)),
    );
    const passed = answers.filter(({ status }) => status === 200).length;
    // The burst of 15, and at most one more for each second that this took.
    expect(passed).toBeGreaterThanOrEqual(15);
    expect(passed).toBeLessThanOrEqual(17);
    const refused = answers.find(({ status }) => status === 429)!;
    expect(refused.json).toMatchObject({
      success: false,
      code: 'RATE_LIMITED',
      error: expect.stringContaining('60 a minute'),
    });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(refused.headers.get('ratelimit-remaining')).toBe('0');
    expect(refused.headers.get('x-event-exceeded')).toBeNull();
  });

  it('counts a batch as one request', async () => {
    const org = await door.organization({ requestsPerMinute: 60 });
    const events = Array.from({ length: 1_000 }, () => ({ name: 'x', contactId: 'nobody' }));
    const answer = await org.post('/v1/events/batch', { events });
    expect([answer.status, answer.headers.get('ratelimit-remaining')]).toEqual([200, '14']);
  });

  it('refuses before the body is read, and lets others pass', async () => {
    const org = await door.organization({ requestsPerMinute: 4 });
    expect((await look(org)).status).toBe(200);
    const flood = await org.post('/v1/events', '{"name":');
    expect(flood.status).toBe(429);
    const other = await door.organization({ requestsPerMinute: 4 });
    expect((await look(other)).status).toBe(200);
  });

  it('is none on a plan without one', async () => {
    const org = await door.organization({ plan: 'enterprise' });
    const answer = await look(org);
    expect(HEADERS.some((name) => answer.headers.has(name))).toBe(false);
  });

  it('follows a change of the plan at once', async () => {
    const org = await door.organization({ plan: 'starter' });
    const patched = await door.call('PATCH', `/v1/admin/organizations/${org.id}`, {
      key: door.config.adminToken,
      body: { plan: 'growth' },
    });
    expect(patched.status).toBe(200);
    expect((await look(org, elsewhere)).headers.get('ratelimit-limit')).toBe('10000');
  });
});
