import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@trackline/testkit';
import { PinnedReader, provision, type PinnedBatch } from '../../src/index.ts';
import { CuttableNetwork, declare, message, numbered, range, TestBroker, valuesOf } from './broker.ts';

describe('PinnedReader', () => {
  const broker = new TestBroker();
  beforeAll(() => broker.publisher.connect());
  afterAll(() => broker.close());

  function reader(settings: Partial<ConstructorParameters<typeof PinnedReader>[0]>) {
    const batches: PinnedBatch[] = [];
    const it = new PinnedReader({
      connection: broker.connection,
      topic: 'topic',
      partitions: 'all',
      from: 'latest',
      onBatch: (batch) => void batches.push(batch),
      ...settings,
    });
    broker.onClose(() => it.stop());
    return { it, batches, values: () => batches.flatMap((batch) => valuesOf(batch)) };
  }

  it('reads its partitions alone, beside others that read the same, from the moment it has started', async () => {
    await broker.topic('outcomes');
    await broker.publisher.publish([message('outcomes', 1, 'earlier'), message('outcomes', 2, 'earlier')]);
    const one = reader({ topic: 'outcomes', partitions: [1] });
    const other = reader({ topic: 'outcomes', partitions: [1, 2] });
    await Promise.all([one.it.start(), other.it.start()]);
    expect(one.it.isReady()).toBe(true);
    await broker.publisher.publish(
      [0, 1, 2].map((partition) => message('outcomes', partition, `to ${partition}`)),
    );
    await eventually(() => one.batches.length >= 1 && other.values().length === 2);
    expect(one.values()).toEqual(['to 1']);
    expect(one.batches[0]).toMatchObject({ topic: 'outcomes', partition: 1, highWatermark: 2 });
    expect(other.values().sort()).toEqual(['to 1', 'to 2']);
    await one.it.stop();
    await other.it.stop();
    expect(one.it.isReady()).toBe(false);
  });

  it('reads all partitions from the beginning, and those that are added', async () => {
    await broker.topic('progress', { partitions: 1, cleanupPolicy: 'compact' });
    await broker.publisher.publish(numbered('progress', 0, 0, 5));
    const all = reader({ topic: 'progress', from: 'earliest' });
    await all.it.start();
    await eventually(() => all.values().length === 5);
    expect(all.values()).toEqual(range(5));
    await all.it.stop();
    await provision(broker.connection, [declare('progress', { partitions: 2, cleanupPolicy: 'compact' })], {
      replicationFactor: 1,
    });
    const both = reader({ topic: 'progress', from: 'earliest' });
    await both.it.start();
    await eventually(() => both.values().length === 5);
    await eventually(() => broker.publisher.publish([message('progress', 1, 'new')]));
    await eventually(() => both.values().includes('new'));
    await both.it.stop();
  });

  it('goes on where it was after its connection was lost: what came meanwhile is read, once', async () => {
    await broker.topic('lost');
    const network = new CuttableNetwork();
    const connection = broker.connect({ socketFactory: network.socketFactory });
    const { it: pinned, values } = reader({ topic: 'lost', partitions: [0], connection });
    await pinned.start();
    await broker.publisher.publish(numbered('lost', 0, 0, 5));
    await eventually(() => values().length === 5);
    network.isDown = true;
    network.cut();
    await broker.publisher.publish(numbered('lost', 0, 5, 5));
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(values().length).toBe(5);
    network.isDown = false;
    await eventually(() => values().length === 10, { withinMs: 15_000 });
    expect(values()).toEqual(range(10));
    await pinned.stop();
  }, 20_000);

  it('hands a batch over again when its reader throws', async () => {
    await broker.topic('throws');
    let calls = 0;
    const seen: string[] = [];
    const { it: pinned } = reader({
      topic: 'throws',
      partitions: [0],
      onBatch: (batch) => {
        if (++calls < 3) throw new Error('not yet');
        seen.push(...valuesOf(batch));
      },
    });
    await pinned.start();
    await broker.publisher.publish(numbered('throws', 0, 0, 3));
    await eventually(() => seen.length === 3);
    expect(seen).toEqual(range(3));
    await pinned.stop();
  });

  it('reads a long backlog completely and in order, however slow the reader', async () => {
    await broker.topic('long');
    await broker.publisher.publish(numbered('long', 0, 0, 15_000));
    const seen: string[] = [];
    const { it: pinned } = reader({
      topic: 'long',
      partitions: [0],
      from: 'earliest',
      maxBytesPerPartition: 50_000,
      onBatch: async (batch) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        seen.push(...valuesOf(batch));
      },
    });
    await pinned.start();
    await eventually(() => seen.length === 15_000);
    expect(seen).toEqual(range(15_000));
    await pinned.stop();
  });
});
