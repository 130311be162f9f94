import { settingsText, type AttributionSettings } from '../domain/attribution.ts';
import type { AttributionTerms, EditionLease, EditionStore } from '../ports.ts';

const PAGE = 1_000;

/** Begins an edition for each organisation whose settings are no longer those of its newest one. Gives how many were begun. */
export async function noticeChanges(store: EditionStore, terms: AttributionTerms): Promise<number> {
  let begun = 0;
  let afterId: string | undefined;
  for (;;) {
    const page = await store.newest(afterId, PAGE);
    const now = await terms.of(page.map(({ organizationId }) => organizationId));
    for (const { organizationId, settings } of page) {
      const wanted: AttributionSettings = now.get(organizationId) ?? settings;
      if (settingsText(wanted) === settingsText(settings)) continue;
      if (await store.begin(organizationId, wanted)) begun += 1;
    }
    if (page.length < PAGE) return begun;
    afterId = page.at(-1)!.organizationId;
  }
}

export interface EditionWork {
  readonly store: EditionStore;
  /** A builder that has not taken a step for so long has died. */
  readonly leaseMs: number;
  readonly isStopped: () => boolean;
  readonly onComplete?: (lease: EditionLease) => void;
}

/** Builds all editions that nobody else is building, one after the other, and clears away what they replace. Any number may do it at once. */
export async function buildEditions({ store, leaseMs, isStopped, onComplete }: EditionWork): Promise<void> {
  while (!isStopped()) {
    const lease = await store.claim(leaseMs);
    if (!lease) break;
    let outcome: Awaited<ReturnType<EditionStore['step']>> = 'more';
    while (outcome === 'more' && !isStopped()) outcome = await store.step(lease, leaseMs);
    if (outcome === 'complete') onComplete?.(lease);
    if (outcome === 'more') await store.release(lease);
  }
  while (!isStopped() && (await store.clear()));
}
