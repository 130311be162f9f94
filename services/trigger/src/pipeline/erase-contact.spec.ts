import { describe, expect, it } from '@jest/globals';
import type { ContactRef } from '../ports.ts';
import { settleErasures, type EraseDependencies } from './erase-contact.ts';

describe('erasures that are to be settled', () => {
  /** So many, in pages of two; those of `failing` cannot be read. */
  const settle = async (count: number, failing: readonly number[]) => {
    let open: ContactRef[] = Array.from({ length: count }, (_, n) => ({
      organizationId: 'o',
      contactId: String(n),
    }));
    const settled: string[] = [];
    const faults: unknown[] = [];
    const erasures: Partial<EraseDependencies['erasures']> = {
      unsettled: (behind) => Promise.resolve(open.slice(behind, behind + 2)),
      running: ({ contactId }) =>
        failing.includes(Number(contactId)) ? Promise.reject(new Error(contactId)) : Promise.resolve([]),
      clear: () => Promise.resolve(),
      settled: ({ contactId }) => {
        settled.push(contactId);
        open = open.filter((ref) => ref.contactId !== contactId);
        return Promise.resolve();
      },
    };
    const onFault = (error: unknown) => faults.push(error);
    await settleErasures({ erasures, onFault } as unknown as EraseDependencies);
    return { settled, faults: faults.map((error) => (error as Error).message) };
  };

  it('are all settled in one round, however many pages they are', async () => {
    expect(await settle(5, [])).toEqual({ settled: ['0', '1', '2', '3', '4'], faults: [] });
  });

  it('do not wait for those that fail, however many they are', async () => {
    expect(await settle(6, [0, 1, 3])).toEqual({ settled: ['2', '4', '5'], faults: ['0', '1', '3'] });
  });
});
