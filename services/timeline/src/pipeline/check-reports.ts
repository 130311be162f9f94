import type { ReportAudit, SumDifference } from '../ports.ts';

export interface CheckedReports {
  readonly organizations: number;
  readonly differences: readonly (SumDifference & { readonly organizationId: string })[];
  /** Days that were made again. */
  readonly rebuilt: number;
  /** Differences that are still there: an order that was never attributed is not mended by adding up again. */
  readonly left: number;
}

/** Compares the sums of every organisation with its facts and, where that is wanted, makes those that differ again. */
export async function checkReports(audit: ReportAudit, repair: boolean): Promise<CheckedReports> {
  const organizationIds = await audit.organizations();
  const differences: CheckedReports['differences'][number][] = [];
  let rebuilt = 0;
  let left = 0;
  for (const organizationId of organizationIds) {
    const found = await audit.differences(organizationId);
    differences.push(...found.map((one) => ({ organizationId, ...one })));
    if (!repair || found.length === 0) {
      left += found.length;
      continue;
    }
    const days = [...new Set(found.map(({ day }) => day))];
    await audit.rebuild(organizationId, days);
    rebuilt += days.length;
    left += (await audit.differences(organizationId)).length;
  }
  return { organizations: organizationIds.length, differences, rebuilt, left };
}
