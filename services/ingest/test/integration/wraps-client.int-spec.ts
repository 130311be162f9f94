import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import createClient from 'openapi-fetch';
import { uniqueName } from '@trackline/testkit';
import { startHarness, type Harness, type Organization } from './harness.ts';

/**
 * `@wraps.dev/client` sends with openapi-fetch 0.14 and is not on the registry under its name, so this is its transport and its
 * two calls, at the addresses that it uses. What a caller meets is how openapi-fetch reads an answer: an error without a
 * body counts as success, and `track` throws `error.error`, which must be text.
 */
function wrapsClient(baseUrl: string, apiKey: string) {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the client's generated types are its own
  const client = createClient<any>({ baseUrl });
  client.use({
    onRequest({ request }) {
      request.headers.set('Authorization', `Bearer ${apiKey}`);
      return request;
    },
  });
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  const post = async (path: string, body: unknown): Promise<any> => {
    const { data, error } = await client.POST(path as never, { body } as never);
    if (error) throw new Error((error as { error: string }).error);
    return data;
  };
  return {
    track: (name: string, options: object = {}) => post('/v1/events/', { name, ...options }),
    trackBatch: (events: object[]) => post('/v1/events/batch', { events }),
  };
}

let door: Harness;
let org: Organization;
beforeAll(async () => {
  door = await startHarness();
  org = await door.organization();
}, 60_000);
afterAll(() => door?.stop(), 60_000);

describe('the Wraps client, pointed here', () => {
  it('tracks', async () => {
    const client = wrapsClient(door.url, org.key);
    const contactEmail = `${uniqueName('wraps')}@example.com`;
    const result = await client.track('purchase.completed', {
      contactEmail,
      contactName: 'Ada',
      createIfMissing: true,
      properties: { orderId: 'ord_1', amount: 99 },
    });
    expect(result).toMatchObject({
      success: true,
      contactCreated: true,
      workflowsTriggered: 0,
      executionsResumed: 0,
    });
  });

  it('tracks a batch with a partial failure', async () => {
    const client = wrapsClient(door.url, org.key);
    const contactEmail = `${uniqueName('wraps')}@example.com`;
    await client.track('hello', { contactEmail, createIfMissing: true });
    const result = await client.trackBatch([
      { name: 'a', contactEmail },
      { name: 'b', contactId: 'missing' },
    ]);
    expect(result).toMatchObject({ success: false, processed: 1, errors: ['events[1]: Contact not found'] });
  });

  it.each([
    [
      'an unknown contact',
      () => wrapsClient(door.url, org.key).track('x', { contactId: 'nobody' }),
      'Contact not found',
    ],
    ['no contact', () => wrapsClient(door.url, org.key).track('x'), 'Contact not found'],
    ['a wrong key', () => wrapsClient(door.url, 'wrong').track('x'), 'This key is not known'],
    ['a wrong body', () => wrapsClient(door.url, org.key).track('', { contactId: 'c' }), '/name'],
    [
      'too many items',
      () => wrapsClient(door.url, org.key).trackBatch(Array(1_001).fill({ name: 'x' })),
      '/events',
    ],
    [
      'a wrong address',
      () => wrapsClient(`${door.url}/nowhere`, org.key).track('x'),
      'nothing at this address',
    ],
  ])('throws readable text for %s', async (_, send, words) => {
    await expect(send()).rejects.toThrow(words);
  });
});
