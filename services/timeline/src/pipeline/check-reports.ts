import type { Difference, ReportAudit } from '../ports.ts';

export interface CheckedReports {
  readonly organizations: number;
  readonly found: number;
  /** The first of them. */
  readonly differences: readonly (Difference & { readonly organizationId: string })[];
  /** Differences that are still there. */
  readonly left: number;
}

const TOLD = 1_000;

/**
 * Compares the facts of every organisation with its timeline, and its figures with the facts, stretch by stretch, and where that is wanted mends what
 * differs.
 */
export async function checkReports(audit: ReportAudit, repair: boolean): Promise<CheckedReports> {
  const organizationIds = await audit.organizations();
  const book = new DifferenceBook(repair);
  for (const organizationId of organizationIds) {
    const { mendFacts, mendOrders } = audit;
    // Each after what it is made of: mending a fact moves its attribution, and mending that the sums, by the same difference.
    await throughAll(book, organizationId, audit.events, mendFacts);
    await throughAll(book, organizationId, audit.facts, mendFacts);
    await throughAll(book, organizationId, audit.orders, mendOrders);
    for (const monthMs of await audit.months(organizationId)) {
      await book.note(organizationId, await audit.sums(organizationId, monthMs), async () => {
        await audit.mendSums(organizationId, monthMs);
        return audit.sums(organizationId, monthMs);
      });
    }
  }
  const { found, differences, left } = book;
  return { organizations: organizationIds.length, found, differences, left };
}

async function throughAll(
  book: DifferenceBook,
  organizationId: string,
  look: ReportAudit['events' | 'facts' | 'orders'],
  mend: ReportAudit['mendFacts' | 'mendOrders'],
): Promise<void> {
  for (let after: string | undefined; ;) {
    const at = after;
    const { differences, next } = await look(organizationId, at);
    await book.note(organizationId, differences, async () => {
      await mend(organizationId, differences);
      // What was taken away makes room in the stretch for orders that are the next one's.
      const looked = new Set(differences.map(({ place }) => place));
      return (await look(organizationId, at)).differences.filter(({ place }) => looked.has(place));
    });
    if (next === undefined) return;
    after = next;
  }
}

class DifferenceBook {
  readonly differences: CheckedReports['differences'][number][] = [];
  found = 0;
  left = 0;
  private readonly repair: boolean;

  constructor(repair: boolean) {
    this.repair = repair;
  }

  /** `mend` gives what differs after it. */
  async note(
    organizationId: string,
    differences: readonly Difference[],
    mend: () => Promise<readonly Difference[]>,
  ): Promise<void> {
    if (differences.length === 0) return;
    this.found += differences.length;
    const told = differences.slice(0, TOLD - this.differences.length);
    this.differences.push(...told.map((one) => ({ organizationId, ...one })));
    this.left += (this.repair ? await mend() : differences).length;
  }
}
