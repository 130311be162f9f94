import { setTimeout as wait } from 'node:timers/promises';
import type { EditionStore } from '../ports.ts';
import { buildEditions } from './keep-editions.ts';

const PAGE = 1_000;
/** Between two looks at an edition that a running service has claimed. */
const LOOK_AGAIN_MS = 250;

/**
 * Makes the figures of all organisations again from the timeline and the facts, one organisation after the other, beside those that are read
 * (ADR 0048). Gives of how many. Whoever builds an edition, when this returns it is the one that is read.
 */
export async function rebuildFigures(store: EditionStore, leaseMs: number): Promise<number> {
  let begun = 0;
  let afterId: string | undefined;
  for (;;) {
    const page = await store.newest(afterId, PAGE);
    for (const { organizationId, settings } of page) {
      await store.beginAnew(organizationId, settings);
      await buildUntilRead(store, leaseMs, organizationId);
      begun += 1;
    }
    if (page.length < PAGE) return begun;
    afterId = page.at(-1)!.organizationId;
  }
}

/** A running service may have been quicker to claim it: then it is that one's to complete, or ours once its lease has run out. */
async function buildUntilRead(store: EditionStore, leaseMs: number, organizationId: string): Promise<void> {
  for (;;) {
    await buildEditions({ store, leaseMs, isStopped: () => false });
    if (!(await store.isBuilding(organizationId))) return;
    await wait(LOOK_AGAIN_MS);
  }
}
