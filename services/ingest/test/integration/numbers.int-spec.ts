import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { uniqueName } from '@trackline/testkit';
import { startHarness, type Harness, type Organization } from './harness.ts';

let door: Harness;
let org: Organization;
let contactId: string;
beforeAll(async () => {
  door = await startHarness({ ANSWER_DEADLINE_MS: '20000' });
  org = await door.organization();
  contactId = (await org.post('/v1/contacts', { externalId: 'someone' })).json.id;
}, 60_000);
afterAll(() => door?.stop(), 60_000);

const sent = async (path: string, name: string, body: string) => {
  const answer = await org.post(path, body);
  expect([200, 201]).toContain(answer.status);
  return door.backstage.of(name).map(({ properties }) => String(properties));
};

describe('numbers are handed on as they were sent', () => {
  it('of an event', async () => {
    const name = uniqueName('order');
    const properties = '{ "order_total": 10.50, "id" :9007199254740993, "n":1e3, "text":"1.0", "plain":2.5 }';
    expect(
      await sent(
        '/v1/events',
        name,
        `{"name":"${name}","contactId":"${contactId}","properties":${properties}}`,
      ),
    ).toEqual(['{"order_total":10.50,"id":9007199254740993,"n":1e3,"text":"1.0","plain":2.5}']);
  }, 30_000);

  it('of each item of a batch', async () => {
    const name = uniqueName('order');
    const item = (properties: string) =>
      `{"name":"${name}","contactId":"${contactId}","properties":${properties}}`;
    const items = [item('{"a":1.0}'), '"no event: 1.0"', item('{"a":1}'), item('{"b":[{"c":7.10}]}')];
    const answer = await sent('/v1/events/batch', name, `{"events":[${items.join(',\n')}]}`);
    expect(answer).toEqual(['{"a":1.0}', '{"a":1}', '{"b":[{"c":7.10}]}']);
  }, 30_000);

  it('of a metric event, its value too', async () => {
    const name = uniqueName('order');
    const body = `{"name":"${name}","phone_number":34600111222,"value":49.90,"properties":{"order_total":10.50}}`;
    expect(await sent('/v1/metric-events', name, body)).toEqual(['{"order_total":10.50,"value":"49.90"}']);
  }, 30_000);

  it('and a body is the same request only with the same text', async () => {
    const name = uniqueName('order');
    const body = (total: string) =>
      `{"name":"${name}","contactId":"${contactId}","properties":{"total":${total}}}`;
    const headers = { 'idempotency-key': name };
    expect((await org.post('/v1/events', body('10.50'), { headers })).status).toBe(200);
    const again = await org.post('/v1/events', body('10.50'), { headers });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect((await org.post('/v1/events', body('10.5'), { headers })).status).toBe(422);
  }, 30_000);
});
