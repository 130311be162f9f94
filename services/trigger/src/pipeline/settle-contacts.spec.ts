import { describe, expect, it } from '@jest/globals';
import type { ContactErasures, ContactMerge, ContactMerges, ContactRef } from '../ports.ts';
import type { EraseDependencies } from './erase-contact.ts';
import { settleErasures, settleMerges } from './settle-contacts.ts';

type Settle = (count: number, failing: readonly number[]) => Promise<{ settled: string[]; faults: string[] }>;

/** So many that are open, read in pages of two. */
class OpenContacts {
  readonly settled: string[] = [];
  readonly faults: string[] = [];
  private open: ContactMerge[];

  constructor(count: number) {
    this.open = Array.from({ length: count }, (_, n) => ({
      organizationId: 'o',
      contactId: String(n),
      into: 'stayed',
    }));
  }

  readonly unsettled = (behind: number) => Promise.resolve(this.open.slice(behind, behind + 2));

  readonly close = ({ contactId }: ContactRef) => {
    this.settled.push(contactId);
    this.open = this.open.filter((ref) => ref.contactId !== contactId);
    return Promise.resolve();
  };

  readonly onFault = (error: unknown) => {
    const { message, cause } = error as Error;
    this.faults.push((cause as Error).message);
    expect(message).toContain(`contact ${(cause as Error).message} `);
  };
}

const erasures: Settle = async (count, failing) => {
  const { settled, faults, unsettled, close, onFault } = new OpenContacts(count);
  const store: Partial<ContactErasures> = {
    unsettled,
    running: ({ contactId }) =>
      failing.includes(Number(contactId)) ? Promise.reject(new Error(contactId)) : Promise.resolve([]),
    clear: () => Promise.resolve(),
    settled: close,
  };
  await settleErasures({ erasures: store } as EraseDependencies, onFault);
  return { settled, faults };
};

const merges: Settle = async (count, failing) => {
  const { settled, faults, unsettled, close, onFault } = new OpenContacts(count);
  const store: Partial<ContactMerges> = {
    unsettled,
    settle: (merge) =>
      failing.includes(Number(merge.contactId)) ? Promise.reject(new Error(merge.contactId)) : close(merge),
  };
  await settleMerges(store as ContactMerges, onFault);
  return { settled, faults };
};

describe.each([
  ['erasures', erasures],
  ['merges', merges],
])('%s that are to be settled', (_, settle) => {
  it('are all settled in one round, however many pages they are', async () => {
    expect(await settle(5, [])).toEqual({ settled: ['0', '1', '2', '3', '4'], faults: [] });
  });

  it('do not wait for those that fail, however many they are', async () => {
    expect(await settle(6, [0, 1, 3])).toEqual({ settled: ['2', '4', '5'], faults: ['0', '1', '3'] });
  });
});
