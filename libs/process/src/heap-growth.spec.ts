import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { HEAP_GROWTH } from './heap-growth.ts';

/** Holds 60 MB, and lets go of fifteen times as much that has grown old. Prints how large the heap became, in bytes. */
const CHURN = `
  const chunk = () => Array.from({ length: 1_000 }, (_, i) => ({ i, text: 'x' + i, more: [i, i] }));
  const held = Array.from({ length: 400 }, chunk);
  let most = 0;
  for (let n = 0; n < 6_000; n++) {
    held[n % held.length] = chunk();
    most = Math.max(most, process.memoryUsage().heapTotal);
  }
  console.log(most);
`;

async function largestHeap(before: string): Promise<number> {
  const args = ['--input-type=module', '--eval', before + CHURN];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: {} });
  return Number(stdout);
}

describe('the heap of a service', () => {
  it('grows less for the same work than V8 would let it', async () => {
    const asSet = `import { setFlagsFromString } from 'node:v8'; setFlagsFromString('${HEAP_GROWTH}');`;
    const [small, usual] = [await largestHeap(asSet), await largestHeap('')];
    expect(small).toBeLessThan(0.8 * usual);
  }, 60_000);
});
