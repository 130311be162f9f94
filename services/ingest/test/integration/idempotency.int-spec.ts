import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { clientNamedEventId } from '@trackline/contracts';
import type { Call } from '@trackline/testkit';
import { eventually, uniqueName } from '@trackline/testkit';
import { startHarness, type Harness, type Organization } from './harness.ts';

let door: Harness;
let org: Organization;
let contactId: string;
let elsewhere: Call;
beforeAll(async () => {
  door = await startHarness({ ANSWER_DEADLINE_MS: '1000' });
  org = await door.organization();
  contactId = (await org.post('/v1/contacts', { externalId: 'someone' })).json.id;
  ({ call: elsewhere } = await door.another());
}, 60_000);
afterAll(() => door?.stop(), 60_000);
beforeEach(() => {
  door.backstage.decide = () => 'by the rules';
  door.backstage.cap = Number.POSITIVE_INFINITY;
});

const newKey = () => uniqueName('key');
const track = (key: string, body: object, call = door.call, path = '/v1/events') =>
  call('POST', path, { key: org.key, body, headers: { 'idempotency-key': key } });
const replayed = (answer: { headers: Headers }) => answer.headers.get('idempotent-replayed');

describe('an Idempotency-Key', () => {
  it('gives a retry the first answer, on every instance, and the event goes out once', async () => {
    const key = newKey();
    const name = uniqueName('retried');
    door.backstage.decide = () => ({ workflowsTriggered: 3, monthUsed: 99 });
    const first = await track(key, { name, contactId });
    expect([first.status, replayed(first)]).toEqual([200, null]);
    expect(first.json.eventId).toBe(clientNamedEventId(org.id, `/organizations/${org.id}/http`, key));
    for (const call of [door.call, elsewhere]) {
      const retry = await track(key, { name, contactId }, call);
      expect([retry.status, replayed(retry), retry.json]).toEqual([200, 'true', first.json]);
      expect(retry.headers.get('x-event-current')).toBe('99');
    }
    expect(door.backstage.of(name)).toHaveLength(1);
    expect(door.backstage.of(name)[0]).toMatchObject({ clientId: key });
  });

  it('makes those who come while the first is in flight wait for its answer', async () => {
    const key = newKey();
    const name = uniqueName('raced');
    const body = { name, contactEmail: `${uniqueName('raced')}@example.com`, createIfMissing: true };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => track(key, body, at % 2 ? door.call : elsewhere)),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter((answer) => replayed(answer) === null)).toHaveLength(1);
    expect(answers[0]!.json).toMatchObject({ contactCreated: true });
    expect(door.backstage.of(name)).toHaveLength(1);
  });

  it('is 422 with another body, also while the first is in flight, and belongs to its route', async () => {
    const key = newKey();
    const first = track(key, { name: 'a', contactId });
    const other = await track(key, { name: 'b', contactId });
    expect((await first).status + other.status).toBe(200 + 422);
    const after = await track(key, { name: 'c', contactId });
    expect([after.status, after.json.code]).toEqual([422, 'VALIDATION_FAILED']);
    const batch = await track(key, { name: 'a', contactId }, door.call, '/v1/events/batch');
    expect(batch.status).toBeGreaterThanOrEqual(400);
  });

  it('belongs to its organisation', async () => {
    const key = newKey();
    const other = await door.organization();
    await track(key, { name: 'a', contactId });
    const answer = await other.post(
      '/v1/events',
      { name: 'b', contactEmail: 'a@b', createIfMissing: true },
      { headers: { 'idempotency-key': key } },
    );
    expect([answer.status, replayed(answer)]).toEqual([200, null]);
  });

  it.each([
    ['400', { name: 'x', contactId: 'nobody' }, 400],
    ['409', { name: 'dup', contactId: '', contactExternalId: 'someone', uniqueId: 'taken' }, 409],
  ])('remembers a %s', async (_, body, status) => {
    await org.post('/v1/events', { name: 'dup', contactId, uniqueId: 'taken' });
    const key = newKey();
    const first = await track(key, body);
    const retry = await track(key, body);
    expect([first.status, retry.status, replayed(first), replayed(retry)]).toEqual([
      status,
      status,
      null,
      'true',
    ]);
    // The words are the first's, the request is this one.
    expect({ ...retry.json, requestId: '' }).toEqual({ ...first.json, requestId: '' });
    expect(retry.json.requestId).toBe(retry.headers.get('x-request-id'));
  });

  it('forgets a 429: the event is judged anew', async () => {
    const key = newKey();
    door.backstage.cap = door.backstage.used;
    const refused = await track(key, { name: 'capped', contactId });
    expect(refused.status).toBe(429);
    door.backstage.cap += 1;
    const admitted = await track(key, { name: 'capped', contactId });
    expect([admitted.status, replayed(admitted)]).toEqual([200, null]);
  });

  it('remembers a 202', async () => {
    const key = newKey();
    const name = uniqueName('late');
    door.backstage.decide = () => undefined;
    const first = await track(key, { name, contactId });
    const retry = await track(key, { name, contactId });
    expect([first.status, retry.status, replayed(retry)]).toEqual([202, 202, 'true']);
    expect(retry.json).toEqual(first.json);
    expect(door.backstage.of(name)).toHaveLength(1);
  });

  it('forgets a 202 when the cap refuses the event after all', async () => {
    const key = newKey();
    const name = uniqueName('late-refused');
    door.backstage.decide = () => ({ verdict: 'over_limit' });
    const first = await org.post(
      '/v1/events',
      { name, contactId },
      { headers: { 'idempotency-key': key, prefer: 'respond-async' } },
    );
    expect(first.status).toBe(202);
    await eventually(() => door.backstage.of(name)[0]);
    door.backstage.decide = () => 'by the rules';
    await eventually(async () => {
      const again = await track(key, { name, contactId });
      return again.status === 200 && replayed(again) === null;
    });
  });

  it('covers a whole batch, and names its items', async () => {
    const key = newKey();
    const name = uniqueName('batched');
    const body = {
      events: [
        { name, contactId },
        { name, contactId: 'nobody' },
        { name, contactId },
      ],
    };
    const first = await track(key, body, door.call, '/v1/events/batch');
    const retry = await track(key, body, elsewhere, '/v1/events/batch/');
    expect([first.status, retry.status, replayed(retry)]).toEqual([200, 200, 'true']);
    expect(retry.json).toEqual(first.json);
    const sent = door.backstage.of(name);
    expect(sent.map(({ clientId }) => clientId)).toEqual([`${key}→0`, `${key}→2`]);
    expect(first.json.results[2].eventId).toBe(
      clientNamedEventId(org.id, `/organizations/${org.id}/http`, `${key}→2`),
    );
  });

  it('that is not text of 1 to 255 characters is 422', async () => {
    for (const key of ['', 'x'.repeat(256)]) {
      const answer = await track(key, { name: 'x', contactId });
      expect([answer.status, answer.json.code]).toEqual([422, 'VALIDATION_FAILED']);
    }
  });

  it('does not hold a request that was not right', async () => {
    const key = newKey();
    expect((await track(key, { name: 'x', contactId, occurredAt: 'never' })).status).toBe(422);
    expect((await track(key, { name: 'x', contactId })).status).toBe(200);
  });
});
