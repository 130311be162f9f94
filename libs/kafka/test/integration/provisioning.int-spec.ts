import { afterAll, describe, expect, it } from '@jest/globals';
import { provision, TopicMismatch } from '../../src/index.ts';
import { declare, TestBroker } from './broker.ts';

describe('provision', () => {
  const broker = new TestBroker();
  afterAll(() => broker.close());
  const run = (...topics: ReturnType<typeof declare>[]) =>
    provision(broker.connection, topics, { replicationFactor: 1 });
  const partitionsOf = async (topic: string) => {
    const admin = await broker.admin();
    const { topics } = await admin.fetchTopicMetadata({ topics: [broker.prefix + topic] });
    return topics[0]!.partitions.length;
  };

  it('creates what is missing, as declared, and changes nothing the second time', async () => {
    const events = declare('events', { partitions: 4, maxMessageBytes: 200_000, minInsyncReplicas: 1 });
    const progress = declare('progress', { cleanupPolicy: 'compact', timestampType: 'CreateTime' });
    const names = [`${broker.prefix}events`, `${broker.prefix}progress`];
    expect(await run(events, progress)).toEqual({ created: names, grown: [], unchanged: [] });
    expect(await partitionsOf('events')).toBe(4);
    expect(await run(events, progress)).toEqual({ created: [], grown: [], unchanged: names });
  });

  it('adds partitions, and creates beside it what is missing', async () => {
    await run(declare('growing', { partitions: 2 }));
    const report = await run(declare('growing', { partitions: 5 }), declare('another'));
    expect(report).toMatchObject({
      created: [`${broker.prefix}another`],
      grown: [`${broker.prefix}growing`],
    });
    expect(await partitionsOf('growing')).toBe(5);
  });

  it('refuses a difference, names all of them, and leaves everything as it is', async () => {
    await run(declare('settled', { partitions: 3 }), declare('small', { partitions: 1 }));
    const wrong = declare('settled', {
      partitions: 2,
      retentionMs: 1_000,
      cleanupPolicy: 'compact',
      timestampType: 'CreateTime',
    });
    const refusal = run(wrong, declare('small', { partitions: 2 }), declare('never'));
    await expect(refusal).rejects.toBeInstanceOf(TopicMismatch);
    await expect(refusal).rejects.toThrow(
      [
        `${broker.prefix}settled: number of partitions is 3, declared 2`,
        `${broker.prefix}settled: cleanup.policy is delete, declared compact`,
        `${broker.prefix}settled: message.timestamp.type is LogAppendTime, declared CreateTime`,
        `${broker.prefix}settled: retention.ms is 3600000, declared 1000`,
      ].join('\n'),
    );
    expect(await partitionsOf('small')).toBe(1);
    expect(await (await broker.admin()).listTopics()).not.toContain(`${broker.prefix}never`);
  });
});
