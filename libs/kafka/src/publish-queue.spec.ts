import { describe, expect, it } from '@jest/globals';
import { PublishTimeout } from './faults.ts';
import type { OutgoingMessage } from './message.ts';
import { apart, bytesOfOutgoing, isWanted, PublishQueue, type PartitionLoad } from './publish-queue.ts';

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
const values = (loads: PartitionLoad[]) =>
  loads.map(({ partition, messages }) => [partition, messages.map(({ value }) => value)]);
const acknowledge = (queue: PublishQueue, loads: PartitionLoad[], ...baseOffsets: number[]) =>
  loads.forEach((load, i) => queue.acknowledge(load, baseOffsets[i]!));

describe('PublishQueue', () => {
  it('puts several callers into one request and gives each the offset of its own last message', async () => {
    const queue = new PublishQueue(limits);
    const first = add(queue, [message(0, 'a'), message(1, 'b')]);
    const second = add(queue, [message(0, 'c')]);
    const loads = queue.nextRequest();
    expect(values(loads)).toEqual([
      [0, ['a', 'c']],
      [1, ['b']],
    ]);
    acknowledge(queue, loads, 100, 200);
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
    acknowledge(queue, queue.nextRequest(), 10);
    expect(queue.messages).toBe(6);
    acknowledge(queue, queue.nextRequest(), 14);
    expect(await acks).toEqual([{ topic: 't', partition: 0, lastOffset: 15 }]);
    expect(queue.nextRequest()).toEqual([]);
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

  it('resolves a caller when the last of its partitions is acknowledged, and not before', async () => {
    const queue = new PublishQueue(limits);
    let isResolved = false;
    const call = add(queue, [message(0), message(1)]).then((acks) => {
      isResolved = true;
      return acks;
    });
    const [first, second] = queue.nextRequest();
    queue.acknowledge(second!, 7);
    await Promise.resolve();
    expect([isResolved, isWanted(first!), queue.messages]).toEqual([false, true, 2]);
    queue.acknowledge(first!, 3);
    expect(await call).toEqual([
      { topic: 't', partition: 1, lastOffset: 7 },
      { topic: 't', partition: 0, lastOffset: 3 },
    ]);
  });

  it('rejects callers whose time is up, also those that still wait, and goes on with the others', async () => {
    const queue = new PublishQueue({ ...limits, maxRequestMessages: 1 });
    const late = add(queue, [message(0, 'a')], 100);
    const waiting = add(queue, [message(0, 'b')], 100);
    const patient = add(queue, [message(0, 'c')], 1_000);
    const [failed] = queue.nextRequest();
    queue.expire(100, new Error('away'));
    await expect(late).rejects.toBeInstanceOf(PublishTimeout);
    await expect(waiting).rejects.toBeInstanceOf(PublishTimeout);
    expect(isWanted(failed!)).toBe(false);
    const loads = queue.nextRequest();
    expect(values(loads)).toEqual([[0, ['c']]]);
    acknowledge(queue, loads, 5);
    expect(await patient).toEqual([{ topic: 't', partition: 0, lastOffset: 5 }]);
    expect([queue.messages, queue.bytes]).toEqual([0, 0]);
  });

  it('takes no harm from an acknowledgement that comes after its caller gave up', async () => {
    const queue = new PublishQueue(limits);
    const late = add(queue, [message(0, 'a')], 100);
    const patient = add(queue, [message(0, 'b')]);
    const loads = queue.nextRequest();
    queue.expire(100, new Error('away'));
    await expect(late).rejects.toBeInstanceOf(PublishTimeout);
    acknowledge(queue, loads, 10);
    expect(await patient).toEqual([{ topic: 't', partition: 0, lastOffset: 11 }]);
    expect([queue.messages, queue.bytes]).toEqual([0, 0]);
  });

  it('takes a load apart, so that the caller of the one bad message is refused alone', async () => {
    const queue = new PublishQueue(limits);
    const bad = add(queue, [message(0, 'fine'), message(0, 'bad'), message(0, 'never')]);
    const good = add(queue, [message(0, 'good')]);
    const ones = queue.nextRequest().flatMap((load) => apart(load));
    expect(values(ones)).toEqual([
      [0, ['fine']],
      [0, ['bad']],
      [0, ['never']],
      [0, ['good']],
    ]);
    queue.acknowledge(ones[0]!, 1);
    queue.refuse(ones[1]!, new Error('too large'));
    await expect(bad).rejects.toThrow('too large');
    expect(ones.map((load) => isWanted(load))).toEqual([false, false, false, true]);
    queue.acknowledge(ones[3]!, 3);
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
