import { settingsText, type AttributionSettings } from '../domain/attribution.ts';
import { encodeRank, rankOf, type Rank } from '../domain/campaign-rank.ts';
import {
  toReport,
  toTable,
  type ReportFigures,
  type ReportKind,
  type ReportSums,
  type ReportTable,
} from '../domain/report.ts';
import type { ReportRequest } from '../domain/report-request.ts';
import { toCsv } from '../domain/report-csv.ts';
import type { CampaignReader, EditionStand, ReadSums, ReportCut, ReportReader } from '../ports.ts';

export interface ReportSources {
  readonly reports: ReportReader;
  readonly campaigns: CampaignReader;
  /** Called when the settings are not those that figures are there, or on their way, for. */
  readonly hurry: () => void;
}

export interface Recomputing {
  readonly phase: 'waiting' | 'collecting' | 'attributing';
  readonly done: number;
  readonly total: number;
}

/** What a report is asked about. `settings`: as the organisation has them now. */
export interface AskedReport {
  readonly organizationId: string;
  readonly settings: AttributionSettings;
  readonly kind: ReportKind;
  readonly request: ReportRequest;
}

/** Which campaigns of a report are shown. */
export interface CampaignPage {
  readonly after: Rank | undefined;
  readonly limit: number;
}

export interface ReportAnswer {
  readonly figures: ReportFigures;
  /** On all pages. */
  readonly campaignCount: number;
  readonly nextCursor: string | null;
  /** Under which the figures were made. */
  readonly settings: AttributionSettings;
  readonly recomputing: Recomputing | undefined;
}

/** Of periods, campaigns and currencies: what a spreadsheet opens, and a process holds. */
export const MAX_SUMS_OF_TABLE = 200_000;

export const readReport =
  (sources: ReportSources) =>
  async (asked: AskedReport, { after, limit }: CampaignPage): Promise<ReportAnswer> => {
    const { sums, read } = await readSums(sources, asked, { of: 'report', after, limit: limit + 1 });
    const figures = toReport(asked.kind, asked.request, sums);
    const campaigns = figures.campaigns.slice(0, limit);
    return {
      figures: { ...figures, campaigns },
      campaignCount: read.campaignCount,
      nextCursor: figures.campaigns.length > limit ? encodeRank(rankOf(campaigns.at(-1)!)) : null,
      settings: read.editions.find(({ state }) => state === 'current')?.settings ?? asked.settings,
      recomputing: recomputingOf(read.editions, asked.settings, sources.hurry),
    };
  };

/** A table of the report, whole; `undefined`: it would be longer than anybody can open. */
export const readReportCsv =
  (sources: ReportSources) =>
  async (asked: AskedReport, table: ReportTable): Promise<string | undefined> => {
    const { sums } = await readSums(sources, asked, { of: table, atMost: MAX_SUMS_OF_TABLE + 1 });
    if (Math.max(sums.conversations.length, sums.orders.length) > MAX_SUMS_OF_TABLE) return undefined;
    return toCsv(asked.kind, table, toTable(asked.kind, table, asked.request, sums));
  };

async function readSums(
  { reports, campaigns }: ReportSources,
  { organizationId, kind, request }: AskedReport,
  cut: ReportCut,
): Promise<{ sums: ReportSums; read: ReadSums }> {
  const read = await reports.read(organizationId, kind, request, cut);
  const names = await campaigns.names(organizationId, campaignsIn(read));
  return { sums: { conversations: read.conversations, orders: read.orders, names }, read };
}

const campaignsIn = ({ conversations, orders }: Omit<ReportSums, 'names'>) => [
  ...new Map(
    [...conversations, ...orders].flatMap(({ campaignType: type, campaignId: id }) =>
      type && id ? [[`${type}/${id}`, { type, id }] as const] : [],
    ),
  ).values(),
];

function recomputingOf(
  editions: readonly EditionStand[],
  settings: AttributionSettings,
  hurry: () => void,
): Recomputing | undefined {
  const newest = editions.toSorted((a, b) => b.edition - a.edition)[0];
  if (newest && settingsText(newest.settings) !== settingsText(settings)) {
    hurry();
    return { phase: 'waiting', done: 0, total: 0 };
  }
  const building = editions.find(({ state }) => state === 'building');
  if (!building || building.phase === 'complete') return undefined;
  const { phase, done, total } = building;
  return { phase, done: Math.min(done, total), total };
}
