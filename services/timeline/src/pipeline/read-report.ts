import { settingsText, type AttributionSettings } from '../domain/attribution.ts';
import {
  toReport,
  toReportLines,
  type ReportFigures,
  type ReportKind,
  type ReportSums,
} from '../domain/report.ts';
import type { ReportRequest } from '../domain/report-request.ts';
import { toCsv } from '../domain/report-csv.ts';
import type { CampaignReader, EditionStand, ReportReader } from '../ports.ts';

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

export interface ReportAnswer {
  readonly figures: ReportFigures;
  /** Under which the figures were made. */
  readonly settings: AttributionSettings;
  readonly recomputing: Recomputing | undefined;
}

/** Editions may change while their sums are being read: so often in a row only when somebody plays with the settings. */
const MAX_LOOKS = 5;
/** An edition that does not exist: an organisation of which nothing is known. */
const NO_EDITION = 0;

export const readReport =
  (sources: ReportSources) =>
  async (asked: AskedReport): Promise<ReportAnswer> => {
    const { sums, editions } = await readSums(sources, asked, false);
    const current = editions.find(({ state }) => state === 'current');
    return {
      figures: toReport(asked.kind, asked.request, sums),
      settings: current?.settings ?? asked.settings,
      recomputing: recomputingOf(editions, asked.settings, sources.hurry),
    };
  };

/** The report as a table of its finest grain. */
export const readReportCsv =
  (sources: ReportSources) =>
  async (asked: AskedReport): Promise<string> => {
    const { sums } = await readSums(sources, asked, true);
    return toCsv(asked.kind, toReportLines(asked.kind, sums));
  };

async function readSums(
  { reports, campaigns }: ReportSources,
  { organizationId, kind, request }: AskedReport,
  lines: boolean,
): Promise<{ sums: ReportSums; editions: readonly EditionStand[] }> {
  for (let look = 1; ; look += 1) {
    const before = await reports.editions(organizationId);
    const edition = currentOf(before);
    const sums = await reports.sums(organizationId, kind, request, { edition, lines });
    const editions = await reports.editions(organizationId);
    // A retired edition is being cleared away: its sums may be half of what they were.
    if (currentOf(editions) !== edition && look < MAX_LOOKS) continue;
    const names = await campaigns.names(organizationId, campaignsIn(sums));
    return { sums: { ...sums, names }, editions };
  }
}

const currentOf = (editions: readonly EditionStand[]): number =>
  editions.find(({ state }) => state === 'current')?.edition ?? NO_EDITION;

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
