import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@trackline/testkit';
import { DependencyFault, type MessageBatch } from '../../src/index.ts';
import { message, numbered, range, TestBroker, valuesOf } from './broker.ts';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('KafkaBatchServer', () => {
  const broker = new TestBroker();
  /** Takes longer than all the others together: runs beside them. */
  let longWork: ReturnType<typeof startLongWork>;
  beforeAll(async () => {
    await broker.publisher.connect();
    longWork = startLongWork();
    longWork.catch(() => undefined);
  });
  afterAll(() => broker.close());

  async function startLongWork() {
    await broker.topic('long');
    let handled = 0;
    const assignments: number[] = [];
    const handler = async (batch: MessageBatch) => {
      assignments.push(batch.assignment);
      if (batch.messages[0]!.offset === 0) await sleep(7_000);
      handled += batch.messages.length;
    };
    const settings = { groupId: 'long', sessionTimeoutMs: 6_000, maxBatchMessages: 1 };
    const server = await broker.serve({ long: handler }, settings);
    // More than the buffer takes: all partitions that have anything are paused meanwhile.
    await broker.publisher.publish(numbered('long', 0, 0, 10));
    return { server, assignments, handled: () => handled };
  }

  it('hands a backlog over in full batches, in order, one at a time per partition, partitions side by side', async () => {
    await broker.topic('backlog');
    for (const partition of [0, 1, 2])
      await broker.publisher.publish(numbered('backlog', partition, 0, 3_000));
    const seen: string[][] = [[], [], []];
    const sizes: number[] = [];
    const running = new Set<number>();
    let atOnce = 0;
    const handler = async (batch: MessageBatch) => {
      expect(running.has(batch.partition)).toBe(false);
      running.add(batch.partition);
      atOnce = Math.max(atOnce, running.size);
      expect(batch.topic).toBe('backlog');
      expect(batch.highWatermark).toBe(3_000);
      expect(batch.committedOffset).toBeLessThanOrEqual(batch.messages[0]!.offset);
      expect(batch.isStale()).toBe(false);
      await sleep(2);
      sizes.push(batch.messages.length);
      seen[batch.partition]!.push(...valuesOf(batch));
      running.delete(batch.partition);
    };
    const server = await broker.serve({ backlog: handler }, { groupId: 'backlog' });
    await eventually(() => seen.every((values) => values.length === 3_000));
    for (const values of seen) expect(values).toEqual(range(3_000));
    expect(atOnce).toBe(3);
    expect(sizes).toEqual(Array.from({ length: 18 }, () => 500));
    await eventually(() => server.lag().every(({ messages }) => messages === 0));
    await server.close();
  });

  it('hands a lone message over at once: the broker waits for more only while there is none', async () => {
    await broker.topic('lone');
    const maxWaitMs = 10_000;
    let arrived: () => void = () => undefined;
    const server = await broker.serve(
      { lone: () => Promise.resolve(arrived()) },
      { groupId: 'lone', maxWaitMs },
    );
    const oneComes = async () => {
      const arrival = new Promise<void>((resolve) => (arrived = resolve));
      void broker.publisher.publish([message('lone', 0, 'x')]);
      await arrival;
    };
    // The first may meet a fetch that began before its partition was given out.
    await oneComes();
    const startedAt = performance.now();
    for (let i = 0; i < 20; i++) await oneComes();
    // All of them together: had any been held for more to come, it alone would have taken as long.
    expect(performance.now() - startedAt).toBeLessThan(maxWaitMs);
    await server.close();
  });

  it('commits the offset after the last message done, off the path, and at drain', async () => {
    await broker.topic('commit');
    await broker.publisher.publish(numbered('commit', 1, 0, 7));
    let release: () => void = () => undefined;
    let handled = 0;
    const handler = async (batch: MessageBatch) => {
      if (valuesOf(batch).includes('7')) await new Promise<void>((resolve) => (release = resolve));
      handled += batch.messages.length;
    };
    const server = await broker.serve({ commit: handler }, { groupId: 'commit' });
    await eventually(() => handled === 7);
    await eventually(async () => (await broker.committed('commit', 'commit')).get(1) === 7, {
      withinMs: 3_000,
    });
    expect((await broker.committed('commit', 'commit')).get(0)).toBe(0);

    await broker.publisher.publish(numbered('commit', 1, 7, 3));
    await sleep(100);
    await server.commitNow();
    expect((await broker.committed('commit', 'commit')).get(1)).toBe(7);
    const closing = server.close();
    await sleep(50);
    expect(handled).toBe(7);
    release();
    await closing;
    expect(handled).toBe(10);
    expect((await broker.committed('commit', 'commit')).get(1)).toBe(10);
  });

  it('leaves the rest of the backlog to the next when it drains: nothing is lost, nothing done is repeated', async () => {
    await broker.topic('drain');
    await broker.publisher.publish(numbered('drain', 0, 0, 2_000));
    const seen: string[] = [];
    const handler = async (batch: MessageBatch) => {
      await sleep(5);
      seen.push(...valuesOf(batch));
    };
    const settings = { groupId: 'drain', maxBatchMessages: 100 };
    const first = await broker.serve({ drain: handler }, settings);
    await eventually(() => seen.length >= 300, { everyMs: 1 });
    await first.close();
    const done = seen.length;
    expect(done).toBeLessThan(2_000);
    await sleep(50);
    expect(seen.length).toBe(done);
    const second = await broker.serve({ drain: handler }, settings);
    await eventually(() => seen.length === 2_000);
    expect(seen).toEqual(range(2_000));
    await second.close();
  });

  it('hands the same batch over again after a fault, with heartbeats in between, and blames no message', async () => {
    await broker.topic('fault');
    const tries: string[][] = [];
    const retried: string[] = [];
    const handler = (batch: MessageBatch) => {
      tries.push(valuesOf(batch));
      return tries.length < 4 ? Promise.reject(new DependencyFault('away')) : Promise.resolve();
    };
    const observer = { batchRetried: ({ cause }: { cause: string }) => void retried.push(cause) };
    const server = await broker.serve({ fault: handler }, { groupId: 'fault', observer });
    await broker.publisher.publish(numbered('fault', 0, 0, 3));
    await eventually(() => tries.length === 4);
    expect(tries).toEqual(Array.from({ length: 4 }, () => range(3)));
    expect(retried).toEqual(['fault', 'fault', 'fault']);
    await server.close();
    expect((await broker.committed('fault', 'fault')).get(0)).toBe(3);
  });

  it('keeps a fast partition going while another is slow', async () => {
    await broker.topic('apart');
    let release: () => void = () => undefined;
    let fast = 0;
    const handler = async (batch: MessageBatch) => {
      if (batch.partition === 0) await new Promise<void>((resolve) => (release = resolve));
      else fast += batch.messages.length;
    };
    const server = await broker.serve({ apart: handler }, { groupId: 'apart', maxBatchMessages: 10 });
    await broker.publisher.publish(numbered('apart', 0, 0, 500));
    for (let i = 0; i < 20; i++) await broker.publisher.publish(numbered('apart', 1, i * 100, 100));
    await eventually(() => fast === 2_000);
    const closing = server.close();
    release();
    await closing;
  });

  it('runs work of a partition between its batches, never beside one', async () => {
    await broker.topic('between');
    let isHandling = false;
    let handled = 0;
    const handler = async (batch: MessageBatch) => {
      isHandling = true;
      await sleep(3);
      handled += batch.messages.length;
      isHandling = false;
    };
    const server = await broker.serve({ between: handler }, { groupId: 'between', maxBatchMessages: 20 });
    await broker.publisher.publish(numbered('between', 2, 0, 400));
    let beside = 0;
    let times = 0;
    while (handled < 400) {
      const assigned = await server
        .between('between', 2, async (partition) => {
          beside += Number(isHandling);
          await sleep(1);
          beside += Number(isHandling);
          return partition;
        })
        // The broker may say of a new topic that it does not know it: then the group joins anew, and the errands of the old assignment are refused.
        .catch((error: Error) => {
          if (!error.message.includes('not assigned')) throw error;
          return sleep(10);
        });
      if (assigned === undefined) continue;
      times += 1;
      expect(assigned).toMatchObject({ topic: 'between', partition: 2 });
    }
    expect(times).toBeGreaterThan(0);
    expect(beside).toBe(0);
    await expect(server.between('between', 9, () => Promise.resolve())).rejects.toThrow('not assigned');
    await server.close();
  });

  it('begins at the end when told so, and where the group left off when it has been there', async () => {
    await broker.topic('latest');
    await broker.publisher.publish(numbered('latest', 0, 0, 5));
    const seen: string[] = [];
    const handlers = { latest: (batch: MessageBatch) => Promise.resolve(void seen.push(...valuesOf(batch))) };
    const settings = { groupId: 'latest', fromBeginning: false };
    const told: number[] = [];
    const first = await broker.serve(handlers, {
      ...settings,
      onAssigned: (partitions) => void told.push(...partitions.map(({ partition }) => partition)),
    });
    await eventually(() => told.length === 3);
    await sleep(50);
    await broker.publisher.publish(numbered('latest', 0, 5, 2));
    await eventually(() => seen.length === 2);
    await first.close();
    await broker.publisher.publish(numbered('latest', 0, 7, 2));
    const second = await broker.serve(handlers, settings);
    await eventually(() => seen.length === 4);
    expect(seen).toEqual(['5', '6', '7', '8']);
    await second.close();
  });

  it('tells of its partitions before it hands over any batch, again when that failed', async () => {
    await broker.topic('told');
    await broker.publisher.publish(numbered('told', 0, 0, 4));
    const order: string[] = [];
    let calls = 0;
    const revoked: number[] = [];
    const server = await broker.serve(
      { told: () => Promise.resolve(void order.push('batch')) },
      {
        groupId: 'told',
        onAssigned: async (partitions) => {
          calls++;
          await sleep(30);
          if (calls === 1) throw new Error('not yet');
          order.push(`assigned ${partitions.length} at ${partitions[0]!.committedOffset}`);
        },
        onRevoked: (partitions) => void revoked.push(...partitions.map(({ partition }) => partition)),
      },
    );
    await eventually(() => order.length === 2);
    expect(order).toEqual(['assigned 3 at 0', 'batch']);
    expect(server.assignments()).toHaveLength(3);
    await server.close();
  });

  it('passes over what a transaction leaves in the log, and commits past it', async () => {
    await broker.topic('transactions');
    const producer = broker.connection.newClient().producer({
      transactionalId: `${broker.prefix}tx`,
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner:
        () =>
        ({ message: { partition } }) =>
          partition!,
    });
    await producer.connect();
    const topic = `${broker.prefix}transactions`;
    const write = async (value: string, isKept: boolean) => {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ key: 'k', value, partition: 0 }] });
      await (isKept ? transaction.commit() : transaction.abort());
    };
    await write('kept', true);
    await write('aborted', false);
    const seen: string[] = [];
    const server = await broker.serve(
      { transactions: (batch) => Promise.resolve(void seen.push(...valuesOf(batch))) },
      { groupId: 'transactions' },
    );
    await eventually(() => seen.length === 1);
    await write('aborted too', false);
    await write('kept too', true);
    await eventually(() => seen.length === 2);
    await write('aborted last', false);
    await producer.disconnect();
    await eventually(async () => (await broker.committed('transactions', 'transactions')).get(0) === 10);
    expect(seen).toEqual(['kept', 'kept too']);
    expect(server.isReady()).toBe(true);
    await server.close();
    expect(broker.lines.filter(({ message: text }) => text.includes('unexpected offset'))).toEqual([]);
  });

  it('stays a member through work that is longer than the session', async () => {
    const { server, assignments, handled } = await longWork;
    await eventually(() => handled() === 10, { withinMs: 10_000 });
    expect(server.isReady()).toBe(true);
    expect(assignments).toEqual(Array.from({ length: 10 }, () => assignments[0]));
    await server.commitNow();
    expect((await broker.committed('long', 'long')).get(0)).toBe(10);
    await server.close();
  }, 15_000);
});
