import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { encodeOutcomes, parseReplyTo, type EventFacts } from '@trackline/contracts';
import { Publisher } from '@trackline/kafka';
import { eventually } from '@trackline/testkit';
import { startHarness, type Harness, type Organization } from './harness.ts';

const LONG = { withinMs: 30_000 };

let door: Harness;
let org: Organization;
let publisher: Publisher;
beforeAll(async () => {
  door = await startHarness({ ANSWER_DEADLINE_MS: '4000' });
  org = await door.organization();
  publisher = new Publisher({ connection: door.kafka });
  await publisher.connect();
}, 60_000);
afterAll(async () => {
  await publisher?.disconnect();
  await door?.stop();
}, 60_000);

/** What dedup-meter and trigger say of these events, late. */
const judge = (events: readonly EventFacts[]) =>
  publisher.publish(
    events.map(({ eventId, replyTo }) => {
      const { partition, correlation } = parseReplyTo(replyTo)!;
      const counts = { workflowsTriggered: 0, executionsResumed: 0, monthUsed: 1 };
      return encodeOutcomes(partition, [{ correlation, eventId, verdict: 'admitted', ...counts }]);
    }),
  );

it('who would hear of his event too late is turned away before his body is read, until there is room again', async () => {
  door.backstage.decide = ({ name }) => (name === 'held' ? undefined : 'by the rules');
  const { id: contactId } = (await org.post('/v1/contacts', { externalId: 'someone' })).json;
  const track = (headers = {}) => org.post('/v1/events', { name: 'x', contactId }, { headers });
  const events = Array.from({ length: 1_000 }, () => ({ name: 'held', contactId }));
  const batches = Array.from({ length: 4 }, () => org.post('/v1/events/batch', { events }));
  const held = () => door.backstage.of('held');
  await eventually(() => held().length === 4_000, LONG);

  // Of thousands a few come at a time, and late.
  let judged = 0;
  let answer = await track();
  await eventually(async () => {
    await judge(held().slice(judged, (judged += 5)));
    answer = await track();
    return answer.status === 503;
  }, LONG);
  expect(answer.json).toMatchObject({
    success: false,
    code: 'UNAVAILABLE',
    error: expect.stringContaining('Nothing was recorded'),
  });
  expect(answer.headers.get('retry-after')).toBe('1');
  expect((await org.post('/v1/events', '{"name":')).status).toBe(503);
  expect((await org.post('/v1/events/batch', { events })).status).toBe(503);
  expect((await track({ prefer: 'respond-async' })).status).toBe(202);
  expect((await org.get('/v1/contacts')).status).toBe(200);
  const { text } = await door.call('GET', '/metrics');
  expect(text).toMatch(
    /^trackline_outcomes_total\{(?=[^}]*flow="http_events")[^}]*outcome="crowded"[^}]*\} 3$/m,
  );
  expect(held()).toHaveLength(4_000);

  await judge(held().slice(judged));
  await eventually(async () => (await track()).status === 200, LONG);
  await Promise.all(batches);
}, 120_000);
