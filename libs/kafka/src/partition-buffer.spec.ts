import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PartitionBuffer } from './partition-buffer.ts';

const chunk = (from: number, count: number, markers = 0) => ({
  messages: Array.from({ length: count }, (_, i) => ({
    key: null,
    value: Buffer.alloc(10),
    headers: {},
    timestampMs: 0,
    offset: from + i,
  })),
  nextOffset: from + count + markers,
});

const offsets = (taken: { messages: { offset: number }[] } | undefined) =>
  taken?.messages.map(({ offset }) => offset);

describe('PartitionBuffer', () => {
  it('gives what there is, up to the maximum', () => {
    const buffer = new PartitionBuffer();
    buffer.push(chunk(0, 5));
    expect(offsets(buffer.take(3))).toEqual([0, 1, 2]);
    expect(offsets(buffer.take(3))).toEqual([3, 4]);
    expect(buffer.take(3)).toBeUndefined();
  });

  it('merges neighbours into full batches', () => {
    const buffer = new PartitionBuffer();
    for (const from of [0, 2, 4, 6]) buffer.push(chunk(from, 2));
    expect(offsets(buffer.take(5))).toEqual([0, 1, 2, 3, 4]);
    expect(offsets(buffer.take(5))).toEqual([5, 6, 7]);
  });

  it('says where to go on: behind the markers of a chunk that is all taken, behind the last message otherwise', () => {
    const buffer = new PartitionBuffer();
    buffer.push(chunk(0, 3, 2));
    expect(buffer.take(2)?.nextOffset).toBe(2);
    expect(buffer.take(2)?.nextOffset).toBe(5);
    expect(buffer.skipTo(9)).toBe(false);
    buffer.push(chunk(10, 1));
    expect(buffer.skipTo(14)).toBe(true);
    expect(buffer.take(2)?.nextOffset).toBe(14);
  });

  it('loses, repeats and reorders nothing, whatever is pushed and taken, and counts right', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ push: fc.integer({ min: 1, max: 9 }), take: fc.integer({ min: 1, max: 12 }) })),
        (steps) => {
          const buffer = new PartitionBuffer();
          const out: number[] = [];
          let pushed = 0;
          for (const { push, take } of steps) {
            buffer.push(chunk(pushed, push));
            pushed += push;
            const taken = buffer.take(take);
            expect(taken!.messages.length).toBe(Math.min(take, pushed - out.length));
            out.push(...offsets(taken)!);
            expect(taken!.nextOffset).toBe(out.at(-1)! + 1);
            expect(buffer.messages).toBe(pushed - out.length);
            expect(buffer.bytes).toBe(10 * (pushed - out.length));
          }
          expect(out).toEqual(Array.from({ length: out.length }, (_, i) => i));
        },
      ),
    );
  });

  it('is empty after clear', () => {
    const buffer = new PartitionBuffer();
    buffer.push(chunk(0, 5));
    buffer.take(2);
    buffer.clear();
    expect([buffer.messages, buffer.bytes, buffer.take(1)]).toEqual([0, 0, undefined]);
  });
});
