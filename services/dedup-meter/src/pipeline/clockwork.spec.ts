import { describe, expect, it } from '@jest/globals';
import { decodeProgress, PROGRESS, RECEIVED } from '@trackline/contracts';
import type { PartitionedMessage } from '../ports.ts';
import { Clockwork } from './clockwork.ts';
import { OwnedSource } from './owned-source.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const PARTITION = { topic: RECEIVED, partition: 4 };

function setUp({ tickMs = 1_000 } = {}) {
  let nowMs = 0;
  let nextOffset = 10;
  let isBrokerAway = false;
  const published: PartitionedMessage[] = [];
  const sources: OwnedSource[] = [];
  const clockwork = new Clockwork({
    outlet: {
      publish: async (messages) => {
        if (isBrokerAway) throw new Error('away');
        published.push(...messages);
        return messages.map(({ topic, partition }) => ({ topic, partition, lastOffset: nextOffset++ }));
      },
      toDeadLetter: () => {
        throw new Error('no dead letters here');
      },
    },
    sources: () => sources,
    endOffsets: async () =>
      new Map([
        [0, 5],
        [1, 70],
      ]),
    clock: { now: () => nowMs },
    log: silent,
    tickMs,
  });
  clockwork.watch([PARTITION]);
  return {
    clockwork,
    sources,
    published,
    pass: async (ms: number) => {
      nowMs += ms;
      await clockwork.turn();
    },
    setBrokerAway: (away: boolean) => (isBrokerAway = away),
    ticks: () => published.filter(({ topic }) => topic === RECEIVED).length,
    told: () =>
      published
        .filter(({ topic }) => topic === PROGRESS)
        .map(({ value }) =>
          decodeProgress({
            key: null,
            value: Buffer.from(String(value)),
            headers: {},
            timestampMs: 0,
            offset: 0,
          }),
        ),
  };
}

const source = (name = 'received.1.4') =>
  new OwnedSource(name, 1, { sourceId: 1, term: 1, epoch: 1, done: -1 });

describe('ticks', () => {
  it('go to a partition that had nothing for a while, the next only when the last was decided', async () => {
    const { clockwork, pass, ticks } = setUp();
    await pass(999);
    expect(ticks()).toBe(0);
    await pass(1);
    await pass(5_000);
    expect(ticks()).toBe(1);
    clockwork.begin(PARTITION)(10);
    await pass(999);
    expect(ticks()).toBe(1);
    await pass(1);
    expect(ticks()).toBe(2);
  });

  it('are not needed while a batch is at work, nor where the partition went elsewhere', async () => {
    const { clockwork, pass, ticks } = setUp();
    const finished = clockwork.begin(PARTITION);
    await pass(5_000);
    finished();
    await pass(5_000);
    expect(ticks()).toBe(0);
    clockwork.begin(PARTITION)(3);
    clockwork.unwatch([PARTITION]);
    await pass(5_000);
    expect(ticks()).toBe(0);
  });

  it('come again after one was lost, and where the transport gave a batch up', async () => {
    const { clockwork, pass, ticks, setBrokerAway } = setUp();
    setBrokerAway(true);
    await pass(1_000);
    setBrokerAway(false);
    await pass(1_000);
    expect(ticks()).toBe(1);
    clockwork.begin(PARTITION)(10);
    clockwork.begin(PARTITION)();
    await pass(60_000);
    expect(ticks()).toBe(2);
  });

  it('are left out when they are switched off', async () => {
    const { pass, ticks } = setUp({ tickMs: 0 });
    await pass(1_000_000);
    expect(ticks()).toBe(0);
  });
});

describe('progress', () => {
  it('is told when a source has moved, with ends that cover what former owners published', async () => {
    const { sources, pass, told } = setUp({ tickMs: 0 });
    const owned = source();
    sources.push(owned);
    await pass(1);
    expect(told()).toEqual([]);
    owned.decided.decidedUpToMs = 500;
    owned.decided.admittedEnds.set(0, 9);
    await pass(1);
    await pass(1);
    expect(told()).toEqual([{ source: 'received.1.4', decidedUpToMs: 500, admittedEnds: { 0: 9, 1: 70 } }]);
    owned.decided.decidedUpToMs = 600;
    owned.decided.admittedEnds.set(1, 71);
    await pass(1);
    expect(told()[1]).toEqual({ source: 'received.1.4', decidedUpToMs: 600, admittedEnds: { 0: 9, 1: 71 } });
  });

  it('is told once more when it was not taken', async () => {
    const { sources, pass, told, setBrokerAway } = setUp({ tickMs: 0 });
    const owned = source();
    owned.decided.decidedUpToMs = 500;
    sources.push(owned);
    setBrokerAway(true);
    await pass(1);
    setBrokerAway(false);
    await pass(1);
    expect(told()).toHaveLength(1);
  });
});
