import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findCulprit } from './data-fault-search.ts';

const dataFault = (message: string) => Object.assign(new Error(message), { code: '22P05' });

describe('the search for the row to blame', () => {
  it('finds the first of them in few tries', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(499), { minLength: 1, maxLength: 5 }), async (bad) => {
        const rows = Array.from({ length: 500 }, (_, i) => i);
        let tries = 0;
        const culprit = await findCulprit(rows, async (some) => {
          tries += 1;
          const found = some.find((row) => bad.includes(row));
          if (found !== undefined) throw dataFault(`row ${found}`);
        });
        const first = Math.min(...bad);
        expect(culprit).toEqual({ index: first, detail: `row ${first}` });
        expect(tries).toBeLessThanOrEqual(10);
      }),
    );
  });

  it('blames nobody when no row fails by itself, and lets other faults through', async () => {
    expect(await findCulprit([1, 2, 3], async () => undefined)).toBeUndefined();
    await expect(
      findCulprit([1, 2], async () => {
        throw new Error('gone');
      }),
    ).rejects.toThrow('gone');
  });
});
