import { describe, expect, it } from '@jest/globals';
import { ACTIONS_REQUESTED, decodeRequestedAction, INBOUND } from '@trackline/contracts';
import { connectKafka, PinnedReader, Publisher } from '@trackline/kafka';
import { eventually, stackFromEnv, uniqueName } from '@trackline/testkit';
import { anOrganization } from './an-organization.ts';

const connection = () =>
  connectKafka({
    brokers: stackFromEnv().kafkaBrokers,
    clientId: 'acceptance',
    topicPrefix: process.env.TOPIC_PREFIX ?? '',
  });

const PROPERTIES = '{"product_name":"Lamp","order_total":10.50,"id":9007199254740993}';
const TEXT = 'Hi! Your order {{id}} for {{product_name}} ({{order_total}}€).';
const RENDERED = 'Hi! Your order 9007199254740993 for Lamp (10.50€).';

describe('a number in a message', () => {
  it('is what was sent, over HTTP and over Kafka', async () => {
    const tenant = await anOrganization();
    const requested = await requestedOf(tenant.id);
    await tenant.workflow({
      name: uniqueName('workflow'),
      trigger: { type: 'event', eventName: 'order_placed' },
      steps: [{ id: 'say', type: 'send_email', config: { subject: 'Your order', text: TEXT } }],
    });
    const [overHttp, overKafka] = [await tenant.contact(), await tenant.contact()];
    const event = ({ id }: { readonly id: string }) =>
      `{"name":"order_placed","contactId":"${id}","properties":${PROPERTIES}}`;
    const answer = await tenant.call('POST', '/v1/events', { body: event(overHttp) });
    expect([200, 202]).toContain(answer.status);
    await publishInbound(tenant.id, event(overKafka));
    for (const { id } of [overHttp, overKafka]) {
      const action = await eventually(() => requested.found.find(({ contactId }) => contactId === id), {
        withinMs: 30_000,
      });
      expect(action).toMatchObject({ kind: 'email', request: { text: RENDERED } });
    }
    await requested.stop();
  }, 90_000);
});

async function requestedOf(organizationId: string) {
  const found: ReturnType<typeof decodeRequestedAction>[] = [];
  const reader = new PinnedReader({
    connection: connection(),
    topic: ACTIONS_REQUESTED,
    partitions: 'all',
    from: 'latest',
    onBatch: ({ messages }) => {
      const ours = messages.map(decodeRequestedAction).filter((one) => one.organizationId === organizationId);
      found.push(...ours);
    },
  });
  await reader.start();
  return { found, stop: () => reader.stop() };
}

async function publishInbound(organizationId: string, value: string): Promise<void> {
  const publisher = new Publisher({ connection: connection() });
  await publisher.connect();
  const headers = {
    ce_specversion: '1.0',
    ce_id: uniqueName('id'),
    ce_source: `/organizations/${organizationId}/shop`,
    ce_type: 'com.trackline.event.track',
    'content-type': 'application/json',
  };
  await publisher.publish([{ topic: INBOUND, partition: 0, key: `${organizationId}:shop`, value, headers }]);
  await publisher.disconnect();
}
