import { describe, expect, it } from '@jest/globals';
import { eventually, type Answer } from '@trackline/testkit';
import { anOrganization, type Tenant } from './an-organization.ts';

const LIMIT = 80;
const HARD_CAP = 100;

async function oneBelowTheCap(): Promise<{ tenant: Tenant; contact: { id: string; email: string } }> {
  const tenant = await anOrganization({ plan: 'custom', monthlyLimit: LIMIT });
  const contact = await tenant.contact();
  await fill(tenant, contact.email, HARD_CAP - 1);
  return { tenant, contact };
}

async function fill(tenant: Tenant, contactEmail: string, count: number): Promise<void> {
  const events = Array.from({ length: count }, () => ({ name: 'before', contactEmail }));
  const { json } = await tenant.call('POST', '/v1/events/batch', { body: { events } });
  expect(json).toMatchObject({ success: true, processed: count });
}

const firstOfNextMonth = () => {
  const now = new Date();
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1);
};

function expectRefusedByTheCap(answer: Answer<Record<string, unknown>>, requested: number): void {
  expect(answer.status).toBe(429);
  expect(answer.json).toMatchObject({
    success: false,
    error: 'event_limit_exceeded',
    code: 'EVENT_LIMIT_EXCEEDED',
    message: expect.stringMatching(/\w/),
    upgradeUrl: expect.stringMatching(/^https?:\/\//),
    current: HARD_CAP,
    limit: LIMIT,
    hardCap: HARD_CAP,
    requested,
    percentUsed: 125,
    resetsAt: new Date(firstOfNextMonth()).toISOString(),
    requestId: expect.any(String),
  });
  const header = (name: string) => answer.headers.get(name);
  expect({
    limit: header('x-event-limit'),
    current: header('x-event-current'),
    remaining: header('x-event-remaining'),
    percent: header('x-event-percent'),
    exceeded: header('x-event-exceeded'),
  }).toEqual({ limit: '80', current: '100', remaining: '0', percent: '125', exceeded: 'true' });
  const retryAtMs = Date.now() + Number(header('retry-after')) * 1_000;
  expect(Math.abs(retryAtMs - firstOfNextMonth())).toBeLessThan(60_000);
}

describe('an organisation one below its hard cap', () => {
  it('gets exactly one of a thousand concurrent events in: one 200, 999 times 429, with all headers and fields', async () => {
    const { tenant, contact } = await oneBelowTheCap();
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) =>
        tenant.track({ name: 'last', contactEmail: contact.email, uniqueId: `last-${i}` }),
      ),
    );
    const admitted = answers.filter((answer) => answer.status === 200);
    expect(admitted).toHaveLength(1);
    expect(admitted[0]!.headers.get('x-event-current')).toBe(String(HARD_CAP));
    const refused = answers.filter((answer) => answer !== admitted[0]);
    expect(refused).toHaveLength(999);
    for (const answer of refused) expectRefusedByTheCap(answer as never, 1);
    expect(await tenant.used()).toBe(HARD_CAP);
    const items = await eventually(async () => {
      const all = await tenant.timeline(contact.id);
      return all.length === HARD_CAP && all;
    });
    expect(items[0]!.id).toBe(admitted[0]!.json.eventId);
  }, 30_000);

  it('gets the head of a batch in that straddles the cap, in order; a batch of nothing but refusals is 429', async () => {
    const tenant = await anOrganization({ plan: 'custom', monthlyLimit: LIMIT });
    const contact = await tenant.contact();
    await fill(tenant, contact.email, HARD_CAP - 3);
    const events = Array.from({ length: 10 }, (_, i) => ({
      name: 'straddles',
      contactEmail: contact.email,
      uniqueId: `s-${i}`,
      properties: { i },
    }));
    const straddling = await tenant.call('POST', '/v1/events/batch', { body: { events } });
    expect(straddling.status).toBe(200);
    expect(straddling.json).toMatchObject({ success: false, processed: 3 });
    expect(straddling.json.results.map((result: { status: string }) => result.status)).toEqual([
      ...Array.from({ length: 3 }, () => 'admitted'),
      ...Array.from({ length: 7 }, () => 'over_limit'),
    ]);
    expect(straddling.json.errors).toHaveLength(7);
    expect(straddling.json.errors[0]).toMatch(/^events\[3\]: /);
    expect(straddling.headers.get('x-event-current')).toBe(String(HARD_CAP));
    const refused = await tenant.call('POST', '/v1/events/batch', { body: { events: events.slice(3) } });
    expectRefusedByTheCap(refused, 7);
    // The cap does not hide that an event was there before: a duplicate is a duplicate.
    const again = await tenant.track(events[0]!);
    expect(again.status).toBe(409);
    expect(await tenant.used()).toBe(HARD_CAP);
    // What the cap refused has claimed no unique id: with a larger plan it goes in.
    await enlarge(tenant);
    const resent = await tenant.call('POST', '/v1/events/batch', { body: { events } });
    expect(resent.json).toMatchObject({ processed: 7 });
    const items = await eventually(async () => {
      const all = await tenant.timeline(contact.id);
      return all.length === HARD_CAP + 7 && all;
    });
    expect(items.slice(0, 10).map((item) => item.uniqueId)).toEqual(
      [9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((i) => `s-${i}`),
    );
  }, 30_000);
});

async function enlarge(tenant: Tenant): Promise<void> {
  const { httpClient, stackFromEnv } = await import('@trackline/testkit');
  const stack = stackFromEnv();
  const admin = httpClient(stack.url, { key: stack.adminToken });
  const patched = await admin('PATCH', `/v1/admin/organizations/${tenant.id}`, {
    body: { monthlyLimit: 1_000 },
  });
  expect(patched.status).toBe(200);
}
