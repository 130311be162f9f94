import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@trackline/testkit';
import {
  PinnedReader,
  Publisher,
  PublisherFull,
  PublishTimeout,
  type IncomingMessage,
} from '../../src/index.ts';
import { CuttableNetwork, message, numbered, range, TestBroker, valuesOf } from './broker.ts';

/** Doubles are allowed, a later first before an earlier one is not. */
const firstsOf = (values: string[]) => [...new Set(values)];

describe('Publisher', () => {
  const broker = new TestBroker();
  beforeAll(() => broker.publisher.connect());
  afterAll(() => broker.close());

  /** All that is in the topic's partition, once `count` are there. */
  async function read(topic: string, partition: number, count: number): Promise<IncomingMessage[]> {
    const seen: IncomingMessage[] = [];
    const reader = new PinnedReader({
      connection: broker.connection,
      topic,
      partitions: [partition],
      from: 'earliest',
      onBatch: ({ messages }) => void seen.push(...messages),
    });
    await reader.start();
    await eventually(() => seen.length >= count);
    await reader.stop();
    return seen;
  }

  it('writes key, value, headers and tombstones as given, and acknowledges with the last offset per partition', async () => {
    await broker.topic('shape');
    const acks = await broker.publisher.publish([
      message('shape', 0, 'first', { key: 'k', headers: { text: 'é', bytes: Buffer.from([0, 255]) } }),
      message('shape', 2, 'elsewhere'),
      message('shape', 0, '', { value: null, key: 'k' }),
      message('shape', 0, '', { key: null }),
    ]);
    expect(acks.sort((a, b) => a.partition - b.partition)).toEqual([
      { topic: 'shape', partition: 0, lastOffset: 2 },
      { topic: 'shape', partition: 2, lastOffset: 0 },
    ]);
    const [first, tombstone, keyless] = await read('shape', 0, 3);
    expect(first).toMatchObject({ key: Buffer.from('k'), value: Buffer.from('first'), offset: 0 });
    expect(first!.headers).toEqual({ text: Buffer.from('é'), bytes: Buffer.from([0, 255]) });
    expect(Math.abs(first!.timestampMs - Date.now())).toBeLessThan(60_000);
    expect(tombstone).toMatchObject({ value: null, key: Buffer.from('k') });
    expect(keyless).toMatchObject({ value: Buffer.from(''), key: null });
  });

  it('keeps the order of each caller and partition, with many callers at once, in few requests', async () => {
    await broker.topic('order');
    const requests: number[] = [];
    const observer = { published: ({ messages }: { messages: number }) => void requests.push(messages) };
    const publisher = new Publisher({ connection: broker.connection, observer });
    await publisher.connect();
    const callers = Array.from({ length: 40 }, async (_, caller) => {
      for (let i = 0; i < 25; i++) {
        await publisher.publish([message('order', caller % 3, `${caller}:${i}`)]);
      }
    });
    await Promise.all(callers);
    await publisher.disconnect();
    expect(requests.reduce((a, b) => a + b, 0)).toBe(1_000);
    expect(requests.length).toBeLessThan(200);
    for (const partition of [0, 1, 2]) {
      const mine = Array.from({ length: 40 }, (_, caller) => caller).filter(
        (caller) => caller % 3 === partition,
      );
      const seen = valuesOf({ messages: await read('order', partition, mine.length * 25) });
      for (const caller of mine) {
        const order = firstsOf(seen.filter((value) => value.startsWith(`${caller}:`)));
        expect(order).toEqual(range(25).map((i) => `${caller}:${i}`));
      }
    }
  });

  it('turns callers away at once when its queue is full, and takes them again when it is not', async () => {
    await broker.topic('full');
    const publisher = new Publisher({ connection: broker.connection, maxQueuedMessages: 10 });
    await publisher.connect();
    const taken = publisher.publish(numbered('full', 0, 0, 8));
    await expect(publisher.publish(numbered('full', 0, 8, 3))).rejects.toBeInstanceOf(PublisherFull);
    const alsoTaken = publisher.publish(numbered('full', 0, 8, 2));
    await Promise.all([taken, alsoTaken]);
    await publisher.publish(numbered('full', 0, 10, 3));
    expect(valuesOf({ messages: await read('full', 0, 13) })).toEqual(range(13));
    await publisher.disconnect();
  });

  it('tells only the caller whose message the broker refuses', async () => {
    await broker.topic('large', { maxMessageBytes: 10_000 });
    const before = broker.publisher.publish([message('large', 0, 'before')]);
    const large = broker.publisher.publish([message('large', 0, 'x'.repeat(20_000))]);
    const after = broker.publisher.publish([message('large', 0, 'after'), message('large', 1, 'after')]);
    await expect(large).rejects.toThrow('MESSAGE_TOO_LARGE');
    await before;
    await after;
    const seen = valuesOf({ messages: await read('large', 0, 2) });
    expect(seen).toEqual(['before', 'after']);
  });

  it('splits what is too much for one batch of the topic', async () => {
    await broker.topic('split');
    const value = 'x'.repeat(30_000);
    const acks = await broker.publisher.publish(
      Array.from({ length: 100 }, () => message('split', 1, value)),
    );
    expect(acks).toEqual([{ topic: 'split', partition: 1, lastOffset: 99 }]);
  });

  it('does not pretend to have written to a partition that is not there', async () => {
    await broker.topic('missing');
    const publisher = new Publisher({ connection: broker.connection, retryForMs: 300 });
    const lost = publisher.publish([message('missing', 7, 'x')]);
    await expect(lost).rejects.toBeInstanceOf(PublishTimeout);
    await expect(lost).rejects.toMatchObject({
      cause: { message: expect.stringContaining('no partition 7') },
    });
    await publisher.disconnect();
    await expect(broker.publisher.publish([message('missing', -1, 'x')])).rejects.toBeInstanceOf(TypeError);
  });

  it('loses nothing and keeps the order while its connections are cut', async () => {
    await broker.topic('cut');
    const network = new CuttableNetwork();
    const connection = broker.connect({ socketFactory: network.socketFactory });
    const publisher = new Publisher({ connection, retryForMs: Number.POSITIVE_INFINITY });
    await publisher.connect();
    let isOver = false;
    const cutting = (async () => {
      while (!isOver) {
        await new Promise((resolve) => setTimeout(resolve, 15 + Math.random() * 20));
        network.cut();
      }
    })();
    const until = Date.now() + 2_000;
    const sent = [0, 0];
    const callers = [0, 1].map(async (partition) => {
      while (Date.now() < until) {
        await publisher.publish(numbered('cut', partition, sent[partition]!, 20));
        sent[partition]! += 20;
      }
    });
    await Promise.all(callers);
    isOver = true;
    await cutting;
    expect(network.cuts).toBeGreaterThan(10);
    await publisher.disconnect();
    const bounds = await (await broker.admin()).fetchTopicOffsets(`${broker.prefix}cut`);
    for (const partition of [0, 1]) {
      const high = Number(bounds.find((each) => each.partition === partition)!.high);
      const seen = valuesOf({ messages: await read('cut', partition, high) });
      expect(firstsOf(seen)).toEqual(range(sent[partition]!));
    }
  });

  it('gives up in time when the broker stays away, is not ready then, and recovers by itself', async () => {
    await broker.topic('away');
    const network = new CuttableNetwork();
    const connection = broker.connect({ socketFactory: network.socketFactory });
    const publisher = new Publisher({ connection, retryForMs: 400 });
    await publisher.connect();
    expect(publisher.isReady()).toBe(true);
    network.isDown = true;
    network.cut();
    const startedAt = Date.now();
    await expect(publisher.publish([message('away', 0, 'lost')])).rejects.toBeInstanceOf(PublishTimeout);
    expect(Date.now() - startedAt).toBeLessThan(3_000);
    expect(publisher.isReady()).toBe(false);
    network.isDown = false;
    await eventually(() => publisher.publish([message('away', 0, 'back')]));
    expect(publisher.isReady()).toBe(true);
    await publisher.disconnect();
  });

  it('says clearly that there is no broker when it cannot connect', async () => {
    const connection = broker.connect({ brokers: '127.0.0.1:1' });
    const publisher = new Publisher({ connection, connectTimeoutMs: 300 });
    await expect(publisher.connect()).rejects.toThrow('No Kafka broker at 127.0.0.1:1');
  });

  it('drains on disconnect and takes nothing afterwards', async () => {
    await broker.topic('drain');
    const publisher = new Publisher({ connection: broker.connection, maxRequestMessages: 50 });
    await publisher.connect();
    const calls = range(20).map((i) => publisher.publish(numbered('drain', 0, Number(i) * 20, 20)));
    await publisher.disconnect();
    expect(await Promise.all(calls)).toHaveLength(20);
    await expect(publisher.publish([message('drain', 0, 'late')])).rejects.toBeInstanceOf(PublishTimeout);
    expect(publisher.isReady()).toBe(false);
  });

  it('does not hang on disconnect when the broker is away', async () => {
    await broker.topic('stuck');
    const network = new CuttableNetwork();
    const connection = broker.connect({ socketFactory: network.socketFactory });
    const publisher = new Publisher({ connection, retryForMs: Number.POSITIVE_INFINITY });
    await publisher.connect();
    network.isDown = true;
    network.cut();
    const call = publisher.publish([message('stuck', 0, 'x')]);
    const refused = expect(call).rejects.toBeInstanceOf(PublishTimeout);
    await publisher.disconnect({ withinMs: 200 });
    await refused;
  });
});
