import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@trackline/testkit';
import type { MessageBatch } from '../../src/index.ts';
import { message, numbered, TestBroker } from './broker.ts';

describe('an offset that the log does not have', () => {
  const broker = new TestBroker();
  beforeAll(() => broker.publisher.connect());
  afterAll(() => broker.close());

  const cutOff = async (topic: string, partition: number, offset: number) => {
    const admin = await broker.admin();
    await admin.fetchTopicOffsets(broker.prefix + topic); // kafkajs deletes records of topics that it has seen only
    await admin.deleteTopicRecords({
      topic: broker.prefix + topic,
      partitions: [{ partition, offset: String(offset) }],
    });
  };
  const errors = (text: string) =>
    broker.lines.filter((line) => line.level === 'error' && line.message.includes(text));

  it('stops its partition, says so, is not ready, leaves the others going, and keeps the position for who repairs it', async () => {
    await broker.topic('truncated');
    const value = 'x'.repeat(1_000);
    // In batches of their own: a fetch brings whole ones.
    for (let i = 0; i < 60; i++) {
      await broker.publisher.publish(Array.from({ length: 5 }, () => message('truncated', 0, value)));
    }
    let release: () => void = () => undefined;
    const handled = [0, 0, 0];
    const handler = async (batch: MessageBatch) => {
      if (batch.partition === 0) await new Promise<void>((resolve) => (release = resolve));
      handled[batch.partition]! += batch.messages.length;
    };
    const settings = { groupId: 'truncated', maxBatchMessages: 5, maxBytesPerPartition: 10_000 };
    const server = await broker.serve({ truncated: handler }, settings);
    await eventually(() => server.lag().some(({ messages }) => messages === 300));
    await new Promise((resolve) => setTimeout(resolve, 150));
    await cutOff('truncated', 0, 250);
    while (server.isReady()) {
      release();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(server.notReadyBecause()).toMatch(/truncated\[0\].*out of range/);
    expect(errors('Partition stopped').length).toBeGreaterThan(0);
    await broker.publisher.publish(numbered('truncated', 1, 0, 10));
    await eventually(() => handled[1] === 10);
    release();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const stoppedAt = handled[0]!;
    expect(stoppedAt).toBeLessThan(250);
    // kafkajs commits its reset to the beginning; ours goes over it.
    await eventually(async () => (await broker.committed('truncated', 'truncated')).get(0) === stoppedAt);
    await server.close();

    const next = await broker.serve({ truncated: handler }, settings);
    await eventually(() => next.notReadyBecause()?.includes(`committed offset ${stoppedAt} is out of range`));
    expect(handled[0]).toBe(stoppedAt);
    await next.close();
  });

  it('stops a partition whose committed offset lies behind its end: the topic was made anew', async () => {
    await broker.topic('anew');
    await broker.commit('anew', 2, 100, 'anew');
    await broker.publisher.publish(numbered('anew', 2, 0, 10));
    await broker.publisher.publish(numbered('anew', 0, 0, 10));
    const handled = [0, 0, 0];
    const server = await broker.serve(
      { anew: (batch) => Promise.resolve(void (handled[batch.partition]! += batch.messages.length)) },
      { groupId: 'anew' },
    );
    await eventually(() => handled[0] === 10);
    expect(server.notReadyBecause()).toMatch(
      /anew\[2\].*committed offset 100 is out of range: the log has 0 to 10/,
    );
    expect(handled[2]).toBe(0);
    await expect(server.between('anew', 2, () => Promise.resolve())).rejects.toThrow('out of range');
    await server.close();
  });
});
