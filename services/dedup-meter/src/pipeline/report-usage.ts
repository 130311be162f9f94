import { monthOf, type UsageReport } from '@trackline/contracts';
import type { Clock } from '@trackline/kernel';
import { firstReportedDay, toUsageReport, type PlanTerms } from '../domain/usage-report.ts';
import type { UsageBook } from '../ports.ts';

/** What an organisation has used, as the ledger has it at this moment. */
export const reportUsage =
  (book: UsageBook, clock: Clock) =>
  async (organization: PlanTerms & { readonly id: string }): Promise<UsageReport> => {
    const month = monthOf(clock.now());
    return toUsageReport(
      month,
      organization,
      await book.usageByDay(organization.id, firstReportedDay(month)),
    );
  };
