import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { SOURCES_IN_NODE } from '@trackline/testkit';

const LIBRARY = JSON.stringify(new URL('./index.ts', import.meta.url).href);

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

const AS_A_SERVICE = `
  import { runService } from ${LIBRARY};
  runService({
    service: 'tiny',
    loadConfig: () => ({ instanceId: 'tiny', logLevel: 'error' }),
    start: async () => { ${CHURN} },
  });
`;

async function largestHeap(program: string): Promise<number> {
  const args = [...SOURCES_IN_NODE, '--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { PATH: process.env.PATH } });
  return Number(stdout);
}

describe('the heap of a service', () => {
  it('grows less for the same work than V8 would let it', async () => {
    const service = await largestHeap(AS_A_SERVICE);
    const usual = await largestHeap(`import ${LIBRARY};${CHURN}`);
    expect(service).toBeGreaterThan(0);
    expect(service).toBeLessThan(0.8 * usual);
  }, 60_000);
});
