import { Controller, Inject, Query, Res } from '@nestjs/common';
import {
  getAdsReport,
  getAutomationsReport,
  getBroadcastsReport,
  getPerformanceReport,
  listCampaigns,
  pageSize,
  Problem,
  type AdReport,
  type CampaignItem,
  type CampaignReport,
  type CampaignReportQuery,
  type CampaignsQuery,
  type PerformanceReport,
  type ReportQuery,
} from '@trackline/contracts';
import { CurrentOrganization, type Organization } from '@trackline/directory';
import { Answer, Route } from '@trackline/http';
import type { Clock } from '@trackline/kernel';
import type { FastifyReply } from 'fastify';
import { fromOrganizationSettings } from '../../domain/attribution.ts';
import { decodeRank } from '../../domain/campaign-rank.ts';
import type { ReportKind, ReportRow, ReportTable } from '../../domain/report.ts';
import { toReportRequest } from '../../domain/report-request.ts';
import type { listCampaigns as listCampaignsFlow } from '../../pipeline/list-campaigns.ts';
import {
  MAX_SUMS_OF_TABLE,
  type AskedReport,
  type ReportAnswer,
  type readReport,
  type readReportCsv,
} from '../../pipeline/read-report.ts';

export interface ReportReads {
  readonly readReport: ReturnType<typeof readReport>;
  readonly readReportCsv: ReturnType<typeof readReportCsv>;
  readonly listCampaigns: ReturnType<typeof listCampaignsFlow>;
  readonly clock: Clock;
}

export const REPORT_READS = Symbol('ReportReads');

/** Without what only the report of ads shows. */
const withoutMeta = <Row extends ReportRow>(row: Row) => {
  const { metaLeads: _leads, metaPurchases: _purchases, metaRevenue: _revenue, ...shown } = row;
  return shown;
};

const headOf = ({ request }: AskedReport, { settings, recomputing }: ReportAnswer) => ({
  ...request,
  attribution: {
    model: settings.model,
    windowHours: settings.windowHours,
    orderEventNames: settings.orderEventNames,
    ...(recomputing === undefined ? undefined : { recomputing }),
  },
});

const toAnswer = (
  asked: AskedReport,
  answer: ReportAnswer,
): AdReport | CampaignReport | PerformanceReport => {
  const { figures, campaignCount, nextCursor } = answer;
  const head = headOf(asked, answer);
  if (asked.kind === 'ads') return { ...head, ...figures, campaignCount, nextCursor } as AdReport;
  const totals = withoutMeta(figures.totals);
  const series = figures.series.map(withoutMeta);
  const rows = figures.campaigns.map(withoutMeta);
  return (
    asked.kind === 'performance'
      ? { ...head, totals, series, bySource: rows }
      : { ...head, totals, series, campaigns: rows, campaignCount, nextCursor }
  ) as CampaignReport | PerformanceReport;
};

@Controller()
export class ReportsController {
  private readonly reads: ReportReads;

  constructor(@Inject(REPORT_READS) reads: ReportReads) {
    this.reads = reads;
  }

  @Route(getPerformanceReport)
  performance(
    @CurrentOrganization() organization: Organization,
    @Query() query: ReportQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    return this.report('performance', organization, query, reply);
  }

  @Route(getAutomationsReport)
  automations(
    @CurrentOrganization() organization: Organization,
    @Query() query: CampaignReportQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    return this.report('automations', organization, query, reply);
  }

  @Route(getBroadcastsReport)
  broadcasts(
    @CurrentOrganization() organization: Organization,
    @Query() query: CampaignReportQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    return this.report('broadcasts', organization, query, reply);
  }

  @Route(getAdsReport)
  ads(
    @CurrentOrganization() organization: Organization,
    @Query() query: CampaignReportQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    return this.report('ads', organization, query, reply);
  }

  @Route(listCampaigns)
  async campaigns(
    @CurrentOrganization() organization: Organization,
    @Query() { type, cursor, limit }: CampaignsQuery,
  ): Promise<{ items: CampaignItem[]; nextCursor: string | null }> {
    const page = await this.reads.listCampaigns(organization.id, { type, cursor, limit: pageSize(limit) });
    if (page) return page;
    throw notOurs();
  }

  private async report(
    kind: ReportKind,
    organization: Organization,
    query: CampaignReportQuery,
    reply: FastifyReply,
  ): Promise<unknown> {
    const request = toReportRequest(query, this.reads.clock.now());
    if (!request.ok) {
      const details = request.error;
      throw new Problem('VALIDATION_FAILED', `The query is not right: ${details[0]!.message}`, { details });
    }
    const settings = fromOrganizationSettings(organization.settings);
    const asked: AskedReport = {
      organizationId: organization.id,
      settings,
      kind,
      request: request.value,
    };
    return query.format === 'csv'
      ? this.table(asked, query.table ?? 'lines', reply)
      : this.figures(asked, query);
  }

  private async figures(asked: AskedReport, { cursor, limit }: CampaignReportQuery): Promise<unknown> {
    const after = cursor === undefined ? undefined : decodeRank(cursor);
    if (cursor !== undefined && after === undefined) throw notOurs();
    return toAnswer(asked, await this.reads.readReport(asked, { after, limit: pageSize(limit) }));
  }

  private async table(asked: AskedReport, table: ReportTable, reply: FastifyReply): Promise<unknown> {
    const csv = await this.reads.readReportCsv(asked, table);
    if (csv === undefined) {
      const message = `The table would have more than ${MAX_SUMS_OF_TABLE} sums: ask for fewer days, or for longer periods by groupBy.`;
      throw new Problem('VALIDATION_FAILED', message, { details: [{ path: '/from', message }] });
    }
    const { from, to } = asked.request;
    const name = [asked.kind, ...(table === 'lines' ? [] : [table]), from, to].join('-');
    return new Answer(200, csv, {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': `attachment; filename="${name}.csv"`,
    }).on(reply);
  }
}

function notOurs(): Problem {
  const message = 'The cursor is not one of ours: give "nextCursor" of the page before, unchanged.';
  return new Problem('VALIDATION_FAILED', message, { details: [{ path: '/cursor', message }] });
}
