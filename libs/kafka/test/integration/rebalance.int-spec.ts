import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@trackline/testkit';
import type { KafkaBatchServer, MessageBatch } from '../../src/index.ts';
import { CuttableNetwork, listen, message, TestBroker } from './broker.ts';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const PARTITIONS = 6;

/** Publishes a count per partition; checks that each consumer sees each partition without a gap from where it begins. */
class Ledger {
  readonly sent: number[] = Array.from({ length: PARTITIONS }, () => 0);
  /** Highest value seen in the partition with everything below it seen too. */
  readonly seen: number[] = Array.from({ length: PARTITIONS }, () => -1);
  readonly gaps: string[] = [];
  readonly besideEachOther: string[] = [];
  readonly assignments = new Map<string, number[]>();
  readonly #running = new Set<string>();
  repeated = 0;

  handler(instance: string) {
    return async (batch: MessageBatch) => {
      const { partition, assignment } = batch;
      const key = `${instance} ${partition}`;
      if (this.#running.has(key)) this.besideEachOther.push(key);
      this.#running.add(key);
      const known = this.assignments.get(key) ?? [];
      if (known.at(-1) !== assignment) this.assignments.set(key, [...known, assignment]);
      for (const { value } of batch.messages) {
        const count = Number(String(value));
        const next = this.seen[partition]! + 1;
        if (count > next) this.gaps.push(`${partition}: ${count} instead of ${next}`);
        if (count < next) this.repeated++;
        else this.seen[partition] = count;
      }
      await sleep(Math.random() * 4);
      this.#running.delete(key);
    };
  }

  get isComplete(): boolean {
    return this.seen.every((count, partition) => count === this.sent[partition]! - 1);
  }
}

describe('rebalance', () => {
  const broker = new TestBroker();
  beforeAll(() => broker.publisher.connect());
  afterAll(() => broker.close());

  async function publishUntil(ledger: Ledger, topic: string, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const messages = ledger.sent.flatMap((count, partition) =>
        Array.from({ length: 5 }, (_, i) => message(topic, partition, String(count + i))),
      );
      await broker.publisher.publish(messages);
      for (let partition = 0; partition < PARTITIONS; partition++) ledger.sent[partition]! += 5;
      await sleep(5);
    }
  }

  it('instances that come and go under load lose nothing, leave no gap and repeat little', async () => {
    await broker.topic('load', { partitions: PARTITIONS });
    const ledger = new Ledger();
    const start = (instance: string) =>
      broker.serve(
        { load: ledger.handler(instance) },
        { groupId: 'load', maxBatchMessages: 50, sessionTimeoutMs: 6_000 },
      );
    let isOver = false;
    const first = await start('first');
    const publishing = publishUntil(ledger, 'load', () => isOver);
    await sleep(300);
    const second = await start('second');
    await eventually(() => first.assignments().length === 3 && second.assignments().length === 3);
    await sleep(400);
    await first.close();
    await eventually(() => second.assignments().length === PARTITIONS);
    const third = await start('third');
    await eventually(() => second.assignments().length === 3 && third.assignments().length === 3);
    await sleep(400);
    isOver = true;
    await publishing;
    await eventually(() => ledger.isComplete);
    expect(ledger.gaps).toEqual([]);
    expect(ledger.besideEachOther).toEqual([]);
    const total = ledger.sent.reduce((a, b) => a + b, 0);
    expect(ledger.repeated).toBeLessThan(total / 5);
    for (const counts of ledger.assignments.values()) {
      expect(counts).toEqual([...counts].sort((a, b) => a - b));
    }
    expect(Math.max(...[...ledger.assignments.values()].flat())).toBeGreaterThan(1);
    await second.close();
    await third.close();
    const committed = await broker.committed('load', 'load');
    for (let partition = 0; partition < PARTITIONS; partition++) {
      expect(committed.get(partition)).toBe(ledger.sent[partition]);
    }
  });

  it('a batch that is running when its partition goes is stale, and is handed over again elsewhere', async () => {
    await broker.topic('stale', { partitions: 2 });
    const release: (() => void)[] = [];
    const batches: MessageBatch[] = [];
    const seenBySecond: number[] = [];
    const first = await broker.serve(
      {
        stale: async (batch) => {
          batches.push(batch);
          await new Promise<void>((resolve) => release.push(resolve));
        },
      },
      { groupId: 'stale', sessionTimeoutMs: 6_000 },
    );
    await broker.publisher.publish([message('stale', 0, '0'), message('stale', 1, '0')]);
    await eventually(() => batches.length === 2);
    const second = await broker.serve(
      { stale: (batch) => Promise.resolve(void seenBySecond.push(batch.partition)) },
      { groupId: 'stale', sessionTimeoutMs: 6_000 },
    );
    await eventually(() => seenBySecond.length === 1);
    expect(batches.every((batch) => batch.isStale())).toBe(true);
    const [kept] = first.assignments();
    // It has the other partition again, and waits for the running batch before it hands that partition's over anew.
    expect(kept!.assignment).toBeGreaterThan(1);
    await sleep(200);
    expect(batches.length).toBe(2);
    for (const go of release.splice(0)) go();
    await eventually(() => batches.length === 3);
    expect(batches[2]).toMatchObject({ partition: kept!.partition, assignment: kept!.assignment });
    expect(batches[2]!.isStale()).toBe(false);
    release[0]!();
    await second.close();
    await first.close();
    // What the first did with the partition that it lost was not committed over the second's.
    expect([...(await broker.committed('stale', 'stale')).values()]).toEqual([1, 1]);
  });

  it('loses nothing while connections are cut again and again, and is a member again afterwards', async () => {
    await broker.topic('cuts', { partitions: PARTITIONS });
    const network = new CuttableNetwork();
    const ledger = new Ledger();
    const server = broker.server(
      { cuts: ledger.handler('only') },
      {
        groupId: 'cuts',
        maxBatchMessages: 50,
        sessionTimeoutMs: 6_000,
        connection: broker.connect({ socketFactory: network.socketFactory }),
      },
    );
    await listen(server);
    let isOver = false;
    const publishing = publishUntil(ledger, 'cuts', () => isOver);
    for (let i = 0; i < 12; i++) {
      await sleep(100 + Math.random() * 150);
      network.cut();
    }
    network.isDown = true;
    network.cut();
    await sleep(1_000);
    network.isDown = false;
    isOver = true;
    await publishing;
    await eventually(() => ledger.isComplete, { withinMs: 20_000 });
    expect(ledger.gaps).toEqual([]);
    expect(ledger.besideEachOther).toEqual([]);
    expect(server.isReady()).toBe(true);
    await server.close();
  }, 30_000);

  it('starting without a broker ends in a clear error in time; one that appears in time is joined', async () => {
    await broker.topic('late', { partitions: PARTITIONS });
    const network = new CuttableNetwork();
    network.isDown = true;
    const connection = broker.connect({ socketFactory: network.socketFactory });
    const make = (startTimeoutMs: number): KafkaBatchServer =>
      broker.server({ late: () => Promise.resolve() }, { groupId: 'late', connection, startTimeoutMs });
    const impatient = make(400);
    await expect(listen(impatient)).rejects.toThrow(
      /group .*late .*could not be joined at .* within 400 ms: .*ECONNREFUSED/,
    );
    expect(impatient.isReady()).toBe(false);
    const patient = make(15_000);
    const listening = listen(patient);
    await sleep(500);
    network.isDown = false;
    await listening;
    expect(patient.isReady()).toBe(true);
    await patient.close();
    expect(patient.notReadyBecause()).toBe('draining');
  }, 30_000);

  it('a topic that does not exist is named in the error', async () => {
    const server = broker.server(
      { nowhere: () => Promise.resolve() },
      { groupId: 'nowhere', startTimeoutMs: 1_000 },
    );
    await expect(listen(server)).rejects.toThrow(/nowhere.*does not host this topic-partition/);
  });
});
