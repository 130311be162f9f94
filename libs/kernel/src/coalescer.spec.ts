import { describe, expect, it } from '@jest/globals';
import { Coalescer } from './coalescer.ts';

/** A read that is answered by hand. */
function manualReads() {
  const reads: { items: readonly number[]; answer: (value: string) => void; fail: (error: Error) => void }[] =
    [];
  const read = (items: readonly number[]): Promise<string> =>
    new Promise((resolve, reject) => reads.push({ items, answer: resolve, fail: reject }));
  return { reads, read };
}
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('Coalescer', () => {
  it('answers the calls of one tick with one read', async () => {
    const { reads, read } = manualReads();
    const coalescer = new Coalescer(read, 100);
    const calls = [coalescer.call([1]), coalescer.call([2, 3])];
    await settled();
    expect(reads.map(({ items }) => items)).toEqual([[1, 2, 3]]);
    reads[0]!.answer('a');
    expect(await Promise.all(calls)).toEqual(['a', 'a']);
  });

  it('never answers a call with a read that had started before it came', async () => {
    const { reads, read } = manualReads();
    const coalescer = new Coalescer(read, 100);
    const first = coalescer.call([1]);
    await settled();
    const second = coalescer.call([1]);
    const third = coalescer.call([2]);
    reads[0]!.answer('old');
    expect(await first).toBe('old');
    await settled();
    expect(reads.map(({ items }) => items)).toEqual([[1], [1, 2]]);
    reads[1]!.answer('new');
    expect(await Promise.all([second, third])).toEqual(['new', 'new']);
  });

  it('reads at most so many items at once, but never splits a call', async () => {
    const { reads, read } = manualReads();
    const coalescer = new Coalescer(read, 3);
    const calls = [coalescer.call([1, 2]), coalescer.call([3, 4]), coalescer.call([5, 6, 7, 8])];
    for (const at of [0, 1, 2]) {
      await settled();
      reads[at]!.answer('x');
    }
    await Promise.all(calls);
    expect(reads.map(({ items }) => items)).toEqual([
      [1, 2],
      [3, 4],
      [5, 6, 7, 8],
    ]);
  });

  it('a read that fails fails its calls, and no later one', async () => {
    const { reads, read } = manualReads();
    const coalescer = new Coalescer(read, 100);
    const failing = coalescer.call([1]);
    await settled();
    const next = coalescer.call([2]);
    reads[0]!.fail(new Error('away'));
    await expect(failing).rejects.toThrow('away');
    await settled();
    reads[1]!.answer('back');
    expect(await next).toBe('back');
  });
});
