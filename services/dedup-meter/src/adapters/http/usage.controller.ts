import { Controller, Inject } from '@nestjs/common';
import { getUsage, Problem, type UsageReport } from '@trackline/contracts';
import { CurrentOrganization, type Organization } from '@trackline/directory';
import { Route } from '@trackline/http';
import { isConnectionFault, isContention } from '@trackline/postgres';
import type { reportUsage } from '../../pipeline/report-usage.ts';

export type UsageReporter = ReturnType<typeof reportUsage>;
export const USAGE_REPORTER = Symbol('UsageReporter');

@Controller()
export class UsageController {
  private readonly report: UsageReporter;

  constructor(@Inject(USAGE_REPORTER) report: UsageReporter) {
    this.report = report;
  }

  @Route(getUsage)
  usage(@CurrentOrganization() organization: Organization): Promise<UsageReport> {
    return this.report(organization).catch(honest);
  }
}

/** A ledger that is away is no fault of ours to hide behind a 500: the caller may try again. */
export function honest(error: unknown): never {
  if (!isConnectionFault(error) && !isContention(error)) throw error;
  throw new Problem('UNAVAILABLE', 'The ledger is not there now. Try again.', { cause: error });
}
