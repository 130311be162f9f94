import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { routes } from '@trackline/contracts';
import { startHarness, type Harness } from './harness.ts';

let door: Harness;
beforeAll(async () => {
  door = await startHarness();
}, 60_000);
afterAll(() => door?.stop(), 60_000);

describe('around the routes', () => {
  it('the API is told as OpenAPI 3.1, every route of every service in it', async () => {
    const answer = await door.call('GET', '/openapi.json');
    expect([answer.status, answer.json.openapi]).toEqual([200, '3.1.0']);
    const ids = Object.values(answer.json.paths as Record<string, Record<string, { operationId: string }>>)
      .flatMap((operations) => Object.values(operations))
      .map(({ operationId }) => operationId);
    expect(ids.sort()).toEqual(routes.map(({ id }) => id).sort());
  });

  it('and as a page that may load nothing', async () => {
    for (const path of ['/docs', '/docs/']) {
      const answer = await door.call('GET', path);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      expect(answer.headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; style-src 'sha256-/,
      );
      expect(answer.text).toContain('/v1/events/batch');
    }
  });

  it('what happens is measured: by outcome, stage, size and route', async () => {
    const org = await door.organization();
    await org.post('/v1/events', { name: 'x', contactEmail: 'a@example.com', createIfMissing: true });
    const { text } = await door.call('GET', '/metrics');
    const valueOf = (name: string, labels: Record<string, string> = {}): number => {
      const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
      const line = text
        .split('\n')
        .find((one) => one.startsWith(`trackline_${name}{`) && wanted.every((label) => one.includes(label)));
      return Number(line?.split(' ').at(-1));
    };
    const flow = 'http_events';
    expect(valueOf('outcomes_total', { flow, outcome: 'admitted' })).toBe(1);
    expect(valueOf('batch_size_count', { flow })).toBe(1);
    for (const stage of ['resolve', 'publish', 'await_outcome']) {
      expect(valueOf('stage_duration_seconds_count', { flow, stage })).toBe(1);
    }
    const route = { route: '/v1/events', method: 'POST', status: '200' };
    expect(valueOf('http_request_duration_seconds_count', route)).toBe(1);
    expect(valueOf('kafka_publish_request_size_count')).toBeGreaterThan(0);
    expect(valueOf('outcomes_waited_for')).toBe(0);
  });

  it('instances share what there is of partitions of outcomes, and each answers its own callers', async () => {
    const org = await door.organization();
    // Of two partitions, for three instances.
    const instances = [door, await door.another(), await door.another()];
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, at) =>
        instances[at % 3]!.call('POST', '/v1/events', {
          key: org.key,
          body: { name: 'shared', contactEmail: 'b@example.com', createIfMissing: true },
        }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(60).fill(200));
    const partitions = door.backstage.of('shared').map(({ replyTo }) => replyTo!.split('/')[0]);
    expect(new Set(partitions).size).toBe(2);
    const ids = answers.map(({ json }) => json.eventId as string);
    expect(new Set(ids).size).toBe(60);
  });
});
