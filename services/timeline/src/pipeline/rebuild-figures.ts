import type { EditionStore } from '../ports.ts';
import { buildEditions } from './keep-editions.ts';

const PAGE = 1_000;

/**
 * Makes the figures of all organisations again from the timeline and the facts, one organisation after the other, beside those that are read
 * (ADR 0048). Gives of how many; one that another process has begun to build may not be complete yet.
 */
export async function rebuildFigures(store: EditionStore, leaseMs: number): Promise<number> {
  let begun = 0;
  let afterId: string | undefined;
  for (;;) {
    const page = await store.newest(afterId, PAGE);
    for (const { organizationId, settings } of page) {
      await store.beginAnew(organizationId, settings);
      await buildEditions({ store, leaseMs, isStopped: () => false });
      begun += 1;
    }
    if (page.length < PAGE) return begun;
    afterId = page.at(-1)!.organizationId;
  }
}
