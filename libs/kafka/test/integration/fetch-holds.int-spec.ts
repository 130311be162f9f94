import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@trackline/testkit';
import type { MessageBatch } from '../../src/index.ts';
import { message, numbered, TestBroker } from './broker.ts';

describe('a fetch that is being handled', () => {
  const broker = new TestBroker();
  beforeAll(() => broker.publisher.connect());
  afterAll(() => broker.close());

  /** Partition 0 is stuck until it is released; of partition 1, the sizes of its batches. */
  async function serveWithOneStuck(topic: string, settings: { maxHoldMs?: number } = {}) {
    await broker.topic(topic);
    const sizes: number[] = [];
    let isStuck = false;
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const handler = async (batch: MessageBatch) => {
      if (batch.partition === 1) sizes.push(batch.messages.length);
      else {
        isStuck = true;
        await released;
      }
    };
    const server = await broker.serve({ [topic]: handler }, { groupId: topic, ...settings });
    await broker.publisher.publish([message(topic, 0, 'stuck')]);
    await eventually(() => isStuck);
    return { server, sizes, release };
  }

  it('holds up the next one: what comes meanwhile is handed over together', async () => {
    const { server, sizes, release } = await serveWithOneStuck('held', { maxHoldMs: 60_000 });
    for (let at = 0; at < 5; at++) await broker.publisher.publish(numbered('held', 1, at, 1));
    expect(sizes).toEqual([]);
    release();
    await eventually(() => sizes.length > 0);
    expect(sizes).toEqual([5]);
    await server.close();
  });

  it('does so for a moment: what a stuck partition holds up goes on, again and again', async () => {
    const { server, sizes, release } = await serveWithOneStuck('moment');
    for (let at = 0; at < 5; at++) {
      await broker.publisher.publish([message('moment', 0, 'more'), ...numbered('moment', 1, at, 1)]);
      await eventually(() => sizes.length === at + 1);
    }
    const closing = server.close();
    release();
    await closing;
  });

  it('ends when its server closes', async () => {
    const { server, release } = await serveWithOneStuck('ended', { maxHoldMs: 60_000 });
    const closing = server.close();
    release();
    await closing;
  });

  it.each([
    ['many messages', 500, ''],
    ['large messages, of which a fetch brings few', 25, 'x'.repeat(3_000)],
  ])(
    'does not hold up a backlog of %s: the next of it is fetched meanwhile',
    async (_what, together, text) => {
      const topic = `ahead-${together}`;
      const all = 16 * together;
      await broker.topic(topic);
      for (const partition of [0, 1])
        for (let at = 0; at < 16; at++)
          await broker.publisher.publish(
            Array.from({ length: together }, () => message(topic, partition, `${at}${text}`)),
          );
      const seen = [0, 0];
      let release: () => void = () => undefined;
      const released = new Promise<void>((resolve) => (release = resolve));
      const handler = async (batch: MessageBatch) => {
        if (batch.partition === 0) await released;
        seen[batch.partition]! += batch.messages.length;
      };
      const settings = { groupId: topic, maxHoldMs: 60_000, maxBytesPerPartition: 20_000 };
      const server = await broker.serve({ [topic]: handler }, settings);
      await eventually(() => seen[1] === all);
      expect(seen[0]).toBe(0);
      release();
      await eventually(() => seen[0] === all);
      await server.close();
    },
  );
});
