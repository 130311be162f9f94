import type { ContactMerges, ContactRef } from '../ports.ts';
import { settleErasure, type EraseDependencies } from './erase-contact.ts';

type OnFault = (error: unknown) => void;

/** What was stored for contacts that had been merged, by somebody who did not know of it yet, follows them. */
export const settleMerges = (merges: ContactMerges, onFault: OnFault): Promise<void> =>
  settleEach(
    (behind) => merges.unsettled(behind),
    (merge) => merges.settle(merge),
    onFault,
  );

/** What was stored for contacts that had been erased, by somebody who did not know of it yet, ends. */
export const settleErasures = (use: EraseDependencies, onFault: OnFault): Promise<void> =>
  settleEach(
    (behind) => use.erasures.unsettled(behind),
    (ref) => settleErasure(ref, use),
    onFault,
  );

/** Page after page, all that is open. What fails is told of and left for the next round, and holds up nothing behind it. */
async function settleEach<Open extends ContactRef>(
  unsettled: (behind: number) => Promise<readonly Open[]>,
  settle: (open: Open) => Promise<void>,
  onFault: OnFault,
): Promise<void> {
  for (let failed = 0; ;) {
    const page = await unsettled(failed);
    if (page.length === 0) return;
    for (const open of page) {
      try {
        await settle(open);
      } catch (cause) {
        failed += 1;
        onFault(
          new Error(`What was stored late for contact ${open.contactId} is not settled yet.`, { cause }),
        );
      }
    }
  }
}
