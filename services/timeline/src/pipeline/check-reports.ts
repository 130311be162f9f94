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

/** Compares the figures of every organisation with its facts, stretch by stretch, and where that is wanted mends what differs. */
export async function checkReports(audit: ReportAudit, repair: boolean): Promise<CheckedReports> {
  const organizationIds = await audit.organizations();
  const book = new DifferenceBook(repair);
  for (const organizationId of organizationIds) {
    // Orders first: mending one moves the sums with it, by the same difference.
    for (let after: string | undefined; ;) {
      const at = after;
      const page = await audit.orders(organizationId, at);
      await book.note(organizationId, page.differences, async () => {
        await audit.mendOrders(organizationId, page.differences);
        return (await audit.orders(organizationId, at)).differences;
      });
      if (page.next === undefined) break;
      after = page.next;
    }
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
