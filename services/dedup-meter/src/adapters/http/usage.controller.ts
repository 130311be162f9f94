import { Controller, Inject } from '@nestjs/common';
import { getUsage, type UsageReport } from '@trackline/contracts';
import { CurrentOrganization, type Organization } from '@trackline/directory';
import { Route } from '@trackline/http';
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
    return this.report(organization);
  }
}
