import { afterAll, describe, expect, it } from '@jest/globals';
import { dependenciesFromEnv } from '../../src/dependencies.ts';
import { KafkaTopics } from '../../src/kafka-topics.ts';
import { uniqueName } from '../../src/unique-name.ts';

describe('topics of a test', () => {
  const topics = new KafkaTopics(dependenciesFromEnv());
  afterAll(() => topics.close());

  it('are created, published to and watched', async () => {
    const topic = uniqueName('testkit');
    await topics.create(topic, 2);
    const watch = await topics.watch(topic);
    await topics.publish([
      { topic, partition: 0, key: 'a', value: '{"n":1}', headers: { ce_id: '1' } },
      { topic, partition: 1, key: 'b', value: null, headers: {} },
    ]);
    const first = await watch.first(({ headers }) => headers.ce_id?.toString() === '1');
    expect([first.topic, first.partition, first.key?.toString(), first.value?.toString()]).toEqual([
      topic,
      0,
      'a',
      '{"n":1}',
    ]);
    expect(await watch.atLeast(2)).toHaveLength(2);
  }, 30_000);
});
