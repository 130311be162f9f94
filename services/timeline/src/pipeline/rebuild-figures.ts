import type { EditionStore } from '../ports.ts';
import { buildEditions } from './keep-editions.ts';

const PAGE = 1_000;

/**
 * Makes the figures of all organisations again from the timeline and the facts, one organisation after the other, beside those that are read
 * (ADR 0048). Gives of how many. Whoever builds an edition, when this returns it is the one that is read.
 * `lookAgain` resolves when an edition that a running service has claimed is to be looked at again.
 */
export async function rebuildFigures(
  store: EditionStore,
  leaseMs: number,
  lookAgain: () => Promise<unknown>,
): Promise<number> {
  let begun = 0;
  let afterId: string | undefined;
  for (;;) {
    const page = await store.newest(afterId, PAGE);
    for (const { organizationId, settings } of page) {
      await store.beginAnew(organizationId, settings);
      for (;;) {
        await buildEditions({ store, leaseMs, isStopped: () => false });
        // A running service may have been quicker to claim it: then it is that one's to complete, or ours once its lease has run out.
        if (!(await store.isBuilding(organizationId))) break;
        await lookAgain();
      }
      begun += 1;
    }
    if (page.length < PAGE) return begun;
    afterId = page.at(-1)!.organizationId;
  }
}
