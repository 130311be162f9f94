import { describe, expect, it } from '@jest/globals';
import { PublishTimeout } from './faults.ts';
import type { OutgoingMessage } from './message.ts';
import { bytesOfOutgoing, PublishQueue, type PublishRequest } from './publish-queue.ts';

const message = (partition: number, value = 'v', topic = 't'): OutgoingMessage => ({
  topic,
  partition,
  key: 'k',
  value,
  headers: {},
});
const limits = { maxRequestMessages: 4, maxRequestBytes: 1_000_000, maxPartitionBytes: 1_000_000 };
const add = (queue: PublishQueue, messages: OutgoingMessage[], deadlineMs = Infinity) =>
  queue.add(
    messages,
    messages.reduce((sum, each) => sum + bytesOfOutgoing(each), 0),
    deadlineMs,
  );
const values = (request: PublishRequest | undefined) =>
  request?.loads.map(({ partition, messages }) => [partition, messages.map(({ value }) => value)]);

describe('PublishQueue', () => {
  it('puts several callers into one request and gives each the offset of its own last message', async () => {
    const queue = new PublishQueue(limits);
    const first = add(queue, [message(0, 'a'), message(1, 'b')]);
    const second = add(queue, [message(0, 'c')]);
    const request = queue.nextRequest()!;
    expect(values(request)).toEqual([
      [0, ['a', 'c']],
      [1, ['b']],
    ]);
    queue.acknowledge(request, ({ partition }) => (partition === 0 ? 100 : 200));
    expect(await first).toEqual([
      { topic: 't', partition: 0, lastOffset: 100 },
      { topic: 't', partition: 1, lastOffset: 200 },
    ]);
    expect(await second).toEqual([{ topic: 't', partition: 0, lastOffset: 101 }]);
    expect([queue.messages, queue.bytes]).toEqual([0, 0]);
  });

  it('spreads a long call over requests and answers with the last of them', async () => {
    const queue = new PublishQueue(limits);
    const acks = add(
      queue,
      Array.from({ length: 6 }, () => message(0)),
    );
    queue.acknowledge(queue.nextRequest()!, () => 10);
    expect(queue.messages).toBe(6);
    queue.acknowledge(queue.nextRequest()!, () => 14);
    expect(await acks).toEqual([{ topic: 't', partition: 0, lastOffset: 15 }]);
    expect(queue.nextRequest()).toBeUndefined();
  });

  it('keeps within the bytes of a request and of a partition, but lets a message that is larger go alone', () => {
    const long = 'x'.repeat(400);
    const byPartition = new PublishQueue({ ...limits, maxPartitionBytes: 1_000 });
    void add(byPartition, [message(0, long), message(0, long), message(0, long), message(1, long)]);
    expect(values(byPartition.nextRequest())).toEqual([[0, [long, long]]]);
    expect(values(byPartition.nextRequest())).toEqual([
      [0, [long]],
      [1, [long]],
    ]);
    const tiny = new PublishQueue({ ...limits, maxRequestBytes: 10 });
    void add(tiny, [message(0, 'a'), message(0, 'b')]);
    expect(values(tiny.nextRequest())).toEqual([[0, ['a']]]);
    expect(values(tiny.nextRequest())).toEqual([[0, ['b']]]);
  });

  it('sends a request that failed again before anything else, in the same order', async () => {
    const queue = new PublishQueue(limits);
    const first = add(queue, [message(0, 'a'), message(0, 'b')]);
    void add(queue, [message(0, 'c'), message(0, 'd'), message(0, 'e')]);
    const failed = queue.nextRequest()!;
    queue.putBack(failed, 0, new Error('lost'));
    const again = queue.nextRequest()!;
    expect(values(again)).toEqual([[0, ['a', 'b', 'c', 'd']]]);
    queue.acknowledge(again, () => 0);
    expect(await first).toEqual([{ topic: 't', partition: 0, lastOffset: 1 }]);
    expect(values(queue.nextRequest())).toEqual([[0, ['e']]]);
  });

  it('rejects callers whose time is up, also those that still wait, and goes on with the others', async () => {
    const queue = new PublishQueue({ ...limits, maxRequestMessages: 1 });
    const late = add(queue, [message(0, 'a')], 100);
    const waiting = add(queue, [message(0, 'b')], 100);
    const patient = add(queue, [message(0, 'c')], 1_000);
    queue.putBack(queue.nextRequest()!, 100, new Error('away'));
    await expect(late).rejects.toBeInstanceOf(PublishTimeout);
    await expect(waiting).rejects.toBeInstanceOf(PublishTimeout);
    const request = queue.nextRequest()!;
    expect(values(request)).toEqual([[0, ['c']]]);
    queue.acknowledge(request, () => 5);
    expect(await patient).toEqual([{ topic: 't', partition: 0, lastOffset: 5 }]);
    expect([queue.messages, queue.bytes]).toEqual([0, 0]);
  });

  it('refuses the caller of a message alone', async () => {
    const queue = new PublishQueue(limits);
    const bad = add(queue, [message(0, 'bad')]);
    const good = add(queue, [message(0, 'good')]);
    const both = queue.nextRequest()!;
    queue.putBack(both, Number.NEGATIVE_INFINITY, new Error('too large'));
    queue.refuse(queue.nextRequest(1)!, new Error('too large'));
    await expect(bad).rejects.toThrow('too large');
    queue.acknowledge(queue.nextRequest(1)!, () => 3);
    expect(await good).toEqual([{ topic: 't', partition: 0, lastOffset: 3 }]);
  });
});

describe('bytesOfOutgoing', () => {
  it('counts a value in bytes, not characters', () => {
    expect(bytesOfOutgoing(message(0, 'é'.repeat(100))) - bytesOfOutgoing(message(0, ''))).toBe(200);
  });

  it('names what cannot be encoded', () => {
    const broken = (part: object) => ({ ...message(0), ...part }) as OutgoingMessage;
    expect(() => bytesOfOutgoing(broken({ headers: { ce_id: undefined } }))).toThrow('ce_id');
    expect(() => bytesOfOutgoing(broken({ value: 5 }))).toThrow('value');
    expect(() => bytesOfOutgoing(broken({ key: undefined }))).toThrow('key');
  });
});
